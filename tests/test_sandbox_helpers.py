"""What peal starts besides agents works in a sandbox as it does without."""

import pytest

from peal.sandbox.variables import let_in


@pytest.mark.parametrize(
    ("setting", "value", "is_let_in"),
    [
        ("protocol.file.allow", "always", True),
        ("http.https://example.org/.proxy", "http://proxy", True),
        ("http.https://example.org/.extraHeader", "Authorization: x", False),
        ("credential.helper", "store", False),
        ("url.https://x:key@example.org/.insteadOf", "https://example.org/", False),
        ("url.https://key@example.org/.insteadOf", "https://example.org/", False),
        ("url.ssh://git@example.org/.insteadOf", "https://example.org/", True),
    ],
)
def test_settings_for_git_come_in_as_variables_unless_they_let_in_whoever_has_them(
    setting: str, value: str, is_let_in: bool
) -> None:
    """git refuses to work where one of them is missing."""
    given = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": setting, "GIT_CONFIG_VALUE_0": value}

    found = let_in(given, (), ())

    assert found.keys() == given.keys()
    assert (found == given) == is_let_in
    assert is_let_in or (setting not in str(found) and value not in found.values())
    assert let_in(given, (), ("GIT_CONFIG_KEY_*",))["GIT_CONFIG_KEY_0"] == setting
