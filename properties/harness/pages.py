"""Reports as pages are to bear them: hostile, long, empty; and a browser that shows them."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from html import unescape
from pathlib import Path

import pytest

from bpcheck.finding import Finding, Kind
from bpcheck.verdict import Cell, Judgement, Report, Verdict
from bpcheck.verdict.drawn import Drawn
from bpcheck.verdict.evidence import Record

CASE = "conv2d n1ic1ih1iw2oc1kh1kw2 f64 exact c-order seed=7"

#: A tag, an attribute's end, a template, a comment, Markdown, colours, another direction.
HOSTILE = (
    "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7*7 }}{% x %}</style><!--"
    " [a](javascript:b) | **c** \x1b[31m\x07\u202e\n::error::d \ud800 &amp; `e`"
)

FINDING = Finding(
    kind=Kind.VALUE,
    check="autograd",
    result="w_bar",
    case=CASE,
    message="w_bar[0,0,0,0] is 2, autograd has 1",
    index=(0, 0, 0, 0),
    got=2.0,
    expected=1.0,
    error=1.0,
    bound=0.0,
    wrong=1,
    total=2,
)

DEFECT = Judgement(
    verdict=Verdict.BACKWARD_WRONG,
    result="w_bar",
    because="autograd and finite differences are against it",
    where="stride > 1",
    failing=14,
    judged=96,
    smallest=CASE,
    findings=(FINDING,),
    answers=(("got", 2.0), ("autograd", 1.0), ("finite differences", 1.0)),
    looks_like="window column taken at j instead of j * stride",
    drawn=Drawn("w_bar", (1, 1, 1, 2), (2.0, 3.0), (1.0, 3.0)),
)

RIGHT = Report(
    subject="layers",
    operation="conv2d",
    style="NumPy",
    profile="quick",
    seed=0,
    dtypes=("float64", "float32"),
    verdict=Verdict.AGREES,
    judgements=(),
    table={
        "autograd": {"y": Cell(96), "w_bar": Cell(96)},
        "rounding": {"y": Cell(), "w_bar": Cell()},
    },
    cases=96,
    unsupported=3,
    coverage={
        "family 1x1": 30,
        "batch 0": 0,
        "stride > 1": 40,
        "width 0 mod 2": 20,
        "width 1 mod 2": 0,
        "dtype float64": 96,
        "values exact": 50,
        "w fortran": 12,
        "dilation > 1": 0,
    },
    missing=("dilation > 1",),
    not_claimed=("batch 0",),
    records={
        (name, result): Record(right=count)
        for name, count in {
            "family 1x1": 30,
            "stride > 1": 40,
            "width 0 mod 2": 20,
            "dtype float64": 96,
            "values exact": 50,
            "w fortran": 12,
        }.items()
        for result in ("y", "w_bar")
    },
    survival_one=1e-3,
)

WRONG = replace(
    RIGHT,
    verdict=Verdict.BACKWARD_WRONG,
    judgements=(DEFECT,),
    table={"autograd": {"y": Cell(96), "w_bar": Cell(82, 14)}},
    records={
        **RIGHT.records,
        ("stride > 1", "w_bar"): Record(right=26, wrong=14),
        ("family 1x1", "y"): Record(raises=30),
    },
)

EVERYWHERE = replace(
    WRONG,
    subject=HOSTILE,
    operation=HOSTILE,
    style=HOSTILE,
    judgements=(
        replace(
            DEFECT,
            because=HOSTILE,
            where=HOSTILE,
            looks_like=HOSTILE,
            smallest=HOSTILE,
            findings=(replace(FINDING, message=HOSTILE),),
        ),
    ),
    coverage={**WRONG.coverage, HOSTILE: 3},
    claimed=(HOSTILE,),
    remarks=(HOSTILE,),
    notes=(HOSTILE,),
)


def many(count: int) -> Report:
    """A report with so many defects, each of its own."""
    judgements = tuple(
        replace(DEFECT, where=f"class {each}", smallest=f"{CASE} {each}") for each in range(count)
    )
    return replace(WRONG, judgements=judgements)


@dataclass(frozen=True)
class Rendered:
    """What a browser made of a page."""

    dom: str
    console: str
    picture: Path


@functools.cache
def chromium() -> str:
    """The browser; the test is skipped where none is installed."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip("no Chromium is installed (Debian's package chromium): no page is rendered")
    return found


def rendered(
    page: str,
    folder: Path,
    *,
    width: int = 1200,
    is_dark: bool = False,
    has_picture: bool = False,
) -> Rendered:
    """Show a page in a browser without a window and without a network."""
    file, picture = folder / "page.html", folder / "page.png"
    file.write_text(page, encoding="utf-8")
    words = [
        "--headless=new",
        # Whoever runs tests as root has no sandbox to give.
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--enable-logging=stderr",
        "--v=0",
        f"--user-data-dir={folder / 'browser'}",
        f"--window-size={width},1000",
        # 0 is dark, 1 is light.
        f"--blink-settings=preferredColorScheme={int(not is_dark)}",
        "--virtual-time-budget=10000",
    ]
    taken = [f"--screenshot={picture}"] if has_picture else []
    ran = subprocess.run(
        [chromium(), *words, "--dump-dom", *taken, file.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    console = "".join(line for line in ran.stderr.splitlines() if ":CONSOLE" in line)
    return Rendered(ran.stdout, console, picture)


def asking(page: str, script: str) -> str:
    """The page with a script of the test, which its own rules would not let run."""
    rule = r'<meta http-equiv="Content-Security-Policy"[^>]*>'
    assert re.search(rule, page)
    said = f"""<script>(async () => {{
    const said = document.createElement("pre");
    said.id = "said";
    said.textContent = JSON.stringify(await (async () => {{ {script} }})());
    document.body.appendChild(said);
    }})();</script></body>"""
    return re.sub(rule, "", page).replace("</body>", said)


def said(dom: str) -> str:
    """What that script said, as JSON."""
    found = re.search(r'<pre id="said">(.*?)</pre>', dom, re.DOTALL)
    assert found, dom[-500:]
    return unescape(found[1])
