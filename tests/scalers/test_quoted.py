"""An error page is shown in part, or not at all when it repeats a credential in any form."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalers._quoted import LONGEST, WITHHELD, credentials_of, quoted

SECRETS = st.text(st.characters(codec="utf-8", exclude_categories=["Zs", "Cc"]), min_size=9)
AROUND = st.text("abc :\n", max_size=5)


@given(SECRETS, AROUND, AROUND, st.sampled_from(["plain", "percent", "base64"]))
def test_no_form_of_a_credential_is_shown(secret: str, before: str, after: str, form: str) -> None:
    encoded = {
        "plain": secret,
        "percent": quote(secret, safe=""),
        "base64": base64.b64encode(f"user:{secret}:x".encode()).decode(),
    }[form]

    assert quoted(before + encoded + after, ["other", secret]) == WITHHELD


def test_any_other_text_is_shown_short() -> None:
    assert quoted("no\n such  queue " + "x" * 999, ["hunter2", ""]).startswith("no such queue xx")
    assert len(quoted("x" * 999, [])) == LONGEST


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({"Authorization": "Bearer abc"}, {"Bearer abc", "abc"}),
        ({"X-API-KEY": "abc"}, {"abc"}),
        ({"Authorization": "Basic ???"}, {"Basic ???", "???"}),
        ({"Authorization": "Basic /w=="}, {"Basic /w==", "/w=="}),
    ],
)
def test_what_lets_somebody_in(headers: dict[str, str], found: set[str]) -> None:
    assert set(credentials_of("http://h/", headers)) == found
