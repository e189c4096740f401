"""Demo workflows of the back office: every kind of step, a workflow in a workflow, steps that fail."""

from typing import Final

from agentos.demo.cast import CHECKER, EXPENSES, MARA, MONTH_END, ONBOARDING, PRIYA, SCREENING, WRITER
from agentos.demo.flow import Flow
from agentos.demo.parts import Call, Component, Json
from agentos.demo.script import Script

DAY: Final = 86_400
HOUR: Final = 3_600

# The steps a workflow is made of, as its session row lists them.
STEPS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    MONTH_END.id: (
        ("collect", "Parallel"),
        ("chase differences", "Loop"),
        ("materiality", "Condition"),
        ("route", "Router"),
        ("report", "Step"),
    ),
    ONBOARDING.id: (("read papers", "Step"), ("screening", "Workflow"), ("file", "Function")),
    EXPENSES.id: (("read receipts", "Step"), ("convert", "Function"), ("post", "Function")),
}


def office_sessions(now: int) -> list[Script]:
    """Return the workflow sessions; `now` in unix seconds is when the demo is made."""
    return [month_end(now - 9 * HOUR), onboarding(now - 2 * DAY - 3 * HOUR), expenses(now - 6 * DAY - 2 * HOUR)]


def workflow_data(workflow: Component) -> Json:
    """Return what Agno keeps of a workflow in its session row."""
    steps = [{"name": name, "description": None, "type": kind} for name, kind in STEPS[workflow.id]]
    return {**workflow.data, "steps": steps}


def month_end(start: int) -> Script:
    """Steps in parallel, in a loop, behind a condition and a router."""
    script = Script("close-2026-10", MONTH_END, MARA, start, name="Close of October", state={"month": "2026-10"})
    flow = Flow(script, "Close October 2026")
    collect = flow.container(
        "collect",
        "Parallel",
        "## Parallel Execution Results\n\n### SUCCESS: bank\n412 lines\n\n### SUCCESS: invoices\n96 invoices",
        flow.function("bank", {"lines": 412, "matched": 405}),
        flow.agent(
            "invoices",
            CHECKER,
            "Check October's invoices.",
            "96 invoices, two without an order.",
            Call("list_invoices", {"month": "2026-10"}, "96"),
        ),
    )
    chase = flow.container(
        "chase differences",
        "Loop",
        "Loop chase differences completed 2 iterations",
        flow.agent("explain", CHECKER, "Explain the seven open lines.", "Five are card fees, two are open."),
        flow.agent("explain", CHECKER, "Explain the two open lines.", "Both are a refund booked twice."),
    )
    materiality = flow.container(
        "materiality",
        "Condition",
        "Condition materiality completed (if branch) with 1 results",
        flow.function("book correction", "Corrected by € 118.40."),
    )
    report = flow.agent("report", WRITER, "Write the close report.", "**October is closed.** One correction, € 118.40.")
    route = flow.container(
        "route",
        "Router",
        "Router route completed with 1 results",
        flow.container("full report", "Steps", "Steps full report completed with 1 results", report),
    )
    script.runs.append(
        flow.finish("**October is closed.** One correction, € 118.40.", collect, chase, materiality, route)
    )
    script.tick(1800)
    again = Flow(script, {"month": "2026-10", "only": "report"})
    text = "October, on one page: 412 bank lines, 96 invoices, one correction."
    script.runs.append(again.finish(text, again.agent("report", WRITER, "The same on one page.", text)))
    return script


def onboarding(start: int) -> Script:
    """A workflow whose second step is another workflow."""
    script = Script("vendor-marchetti", ONBOARDING, PRIYA, start, metadata={"country": "IT"})
    outer = Flow(script, "Atelier Marchetti, Milano")
    papers = outer.agent(
        "read papers", CHECKER, "Read the registry extract.", "Registered 2011, two directors, share capital € 10,000."
    )
    inner = Flow(script, "Atelier Marchetti, Milano")
    lists = inner.function("sanction lists", {"hits": 0, "lists": ["EU", "UN"]})
    press = inner.agent(
        "press",
        WRITER,
        "Anything in the press?",
        "Two favourable articles.",
        Call("search_news", {"q": "Marchetti"}, "2"),
    )
    screening = inner.finish("No hits, nothing adverse.", lists, press, component=SCREENING)
    nested = outer.nested("screening", SCREENING, screening, "No hits, nothing adverse.")
    script.runs.append(outer.finish("Filed as creditor 70114.", papers, nested, outer.function("file", "70114")))
    return script


def expenses(start: int) -> Script:
    """A step that fails and is skipped, and one that ends the run."""
    script = Script("expenses-q3", EXPENSES, MARA, start)
    first = Flow(script, "Receipts of July")
    read = first.agent("read receipts", CHECKER, "Read 31 receipts.", "31 receipts, € 2,204.10, one in Swiss francs.")
    convert = first.function("convert", "Step convert skipped", error="RateService: no rate for CHF on 2026-07-19")
    script.runs.append(first.finish("30 of 31 receipts posted.", read, convert, first.function("post", "30 posted")))
    script.tick(600)
    second = Flow(script, "Receipts of August")
    read = second.agent("read receipts", CHECKER, "Read 28 receipts.", "28 receipts, € 1,874.00.")
    failed = {**second.function("post", "The ledger is locked for the close.", error="LedgerLocked"), "step_type": None}
    script.runs.append(second.finish("Step post failed: LedgerLocked", read, failed, status="ERROR"))
    return script
