"""The Dockerfile, which nothing here can build, agrees with what it packs and with the chart."""

from __future__ import annotations

import re
import tomllib

import yaml

from tests.charts.helm import CHART, ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def copied() -> set[str]:
    lines = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
    return {name for line in lines for name in line.split()[:-1]}


def test_what_the_wheel_is_made_of_is_copied() -> None:
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    wanted = {*wheel["packages"], *wheel["force-include"], PROJECT["project"]["readme"]}

    assert wanted | {"pyproject.toml", "constraints.txt", "LICENSE"} == copied()
    assert all((ROOT / name).exists() for name in copied())


def test_what_is_copied_is_not_ignored() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()

    assert {line.removeprefix("!") for line in lines if line.startswith("!")} == copied()


def test_the_image_has_the_charts_user_and_version_and_our_program() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    (user,) = re.findall(r"^USER (\d+):\1$", DOCKERFILE, re.MULTILINE)

    assert f"runAsUser: {user}" in (CHART / "templates" / "deployment.yaml").read_text()
    assert chart["appVersion"] == PROJECT["project"]["version"]
    assert DOCKERFILE.endswith('ENTRYPOINT ["/opt/tandem/bin/tandem"]\nCMD ["run"]\n')
    assert "tandem" in PROJECT["project"]["scripts"]
