import pytest


def pytest_ignore_collect(collection_path, config):
    """What belongs to the SQLite pass alone.

    Generated requests: their WSGI transport ends each request as a server does, and with it
    PostgreSQL's connection, on which the test's transaction is. And what is about SQLite's files.
    """
    if collection_path.name in {"test_api_schema.py", "test_rehearsal_live_file.py"}:
        return config.getoption("--database") == "postgresql" or None
    return None


@pytest.fixture
def flow(db):
    # Imported here: this file is read before Django is set up.
    from tests.factories import small_institute
    from tests.reallocation.workflow import Workflow

    return Workflow(small_institute())


@pytest.fixture
def site(flow, client, monkeypatch):
    """The pages of the small institute, at the moment at which the flow stands."""
    from django.utils import timezone

    from tests.reallocation.browsing import Site

    monkeypatch.setattr(timezone, "now", lambda: flow.now)
    return Site(flow, client)


@pytest.fixture
def office(db):
    """An institute at work, with rows for every page of the admin."""
    from tests.reallocation.office import live

    return live("northfield")


@pytest.fixture
def elsewhere(office):
    """Another one with the same."""
    from tests.reallocation.office import live

    return live("southbridge")


@pytest.fixture
def registrar(office):
    from tests.reallocation.office import staff

    return staff(office)


@pytest.fixture
def names(monkeypatch):
    """The register in which this machine looks names up."""
    from tests.reallocation.receiver import Register

    register = Register()
    monkeypatch.setattr("socket.getaddrinfo", register.look_up)
    return register


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    from tests.reallocation.receiver import Authority

    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def portal(authority, names, settings, monkeypatch):
    """A receiver at https://hooks.example, as far as the sender can see: on this machine, which the
    operator has allowed, and vouched for by an authority that this machine trusts."""
    from tests.reallocation.receiver import receiving

    with receiving(authority.certificate("hooks.example")) as receiver:
        settings.WEBHOOK_NETWORKS = ["127.0.0.0/8"]
        settings.WEBHOOK_PORTS = [receiver.port]
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
        names["hooks.example"] = [["127.0.0.1"]]
        receiver.url = f"https://hooks.example:{receiver.port}/in"
        yield receiver
