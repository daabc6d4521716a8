"""Secrets are sieved out of any text, whatever the text and whatever the secret."""

from __future__ import annotations

from urllib.parse import quote

from hypothesis import example, given
from hypothesis import strategies as st

from scalers._errors import MASK, SHORTEST_SECRET, Secret, scrubbed

# A mask of its own letters would be found in the mask.
WORDS = st.text(st.characters(exclude_characters="*", codec="utf-8"), min_size=SHORTEST_SECRET)
PASSWORDS = st.text("abcXYZ019-_~!$&'()+,;=:@/ %", min_size=SHORTEST_SECRET)


@given(st.text(), WORDS, st.text())
def test_no_secret_is_left(before: str, secret: str, after: str) -> None:
    assert secret not in scrubbed(before + secret + after, [Secret(secret)]).replace(MASK, "")


@given(PASSWORDS)
@example("p@ss/word:1 %")
def test_the_password_of_a_url_is_one_too(password: str) -> None:
    """As it is written in the URL, and as it is meant."""
    written = quote(password, safe="")
    secret = Secret(f"amqp://eve:{written}@mq:5672/shop")
    text = scrubbed(f"cannot log in to mq as eve with {written}, that is {password}.", [secret])

    assert text == f"cannot log in to mq as eve with {MASK}, that is {MASK}."


def test_each_line_of_a_key_is_one() -> None:
    pem = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMG\nByqGSM49AgEG\n-----END PRIVATE KEY-----"

    assert scrubbed("at ByqGSM49AgEG: bad", [Secret(pem)]) == f"at {MASK}: bad"
    assert scrubbed("no -----BEGIN PRIVATE KEY----- here", [Secret(pem)]) == (
        "no -----BEGIN PRIVATE KEY----- here"
    )


def test_what_is_no_url_has_no_password() -> None:
    assert scrubbed("[x is not closed", [Secret("http://[x")]) == "[x is not closed"
