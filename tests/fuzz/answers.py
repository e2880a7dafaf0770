"""What must hold of every answer of the API, whoever asked for whatever."""

from schemathesis.checks import CheckContext, not_a_server_error
from schemathesis.core.failures import Failure
from schemathesis.core.transport import Response
from schemathesis.generation.case import Case
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

JSON = "application/json"


def code_conformance(context: CheckContext, response: Response, case: Case) -> None:
    """The code of a refusal stands in the description of its status."""
    if response.status_code < 400 or case.method != case.operation.method.upper():
        return
    if JSON not in response.headers.get("content-type", [""])[0]:
        return  # what the other checks have to tell
    told = case.operation.definition.raw["responses"].get(str(response.status_code), {})
    code = response.json()["code"]
    if f"`{code}`" not in told.get("description", ""):
        raise Failure(
            operation=case.operation.label,
            title="Undocumented code",
            message=f"{code} is not told of {response.status_code}",
        )


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    code_conformance,
]
