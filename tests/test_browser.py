"""The ground that the browser tests stand on, in a real Chromium under the strict policy."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_admin_works_under_the_strict_policy(
    page: Page, live_server: Any, sign_in: Any, complaints: list[str]
) -> None:
    sign_in(get_user_model().objects.create_superuser("root@example.org"))
    page.goto(f"{live_server.url}/admin/")
    expect(page.locator("#content-main .module").first).to_be_visible()

    page.goto(f"{live_server.url}/admin/django_q/schedule/add/")
    page.get_by_label("Func").first.fill("math.sqrt")
    page.get_by_role("link", name="Now").first.click()
    assert complaints == []


def test_other_machines_are_out_of_the_browsers_reach(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/accounts/login/")
    with pytest.raises(Exception, match="ERR_NAME_NOT_RESOLVED"):
        page.goto("http://example.org/")
