"""Demo workflows of the back office: every kind of step, a workflow in a workflow, steps that fail."""

from typing import Final

from agentos.demo.cast import CHECKER, EXPENSES, MARA, MONTH_END, ONBOARDING, PRIYA, SCREENING, WRITER
from agentos.demo.flow import Flow
from agentos.demo.parts import Call
from agentos.demo.script import Script
from agentos.workflow import Condition, Loop, Parallel, Router, Steps

DAY: Final = 86_400
HOUR: Final = 3_600


def office_sessions(now: int) -> list[Script]:
    """Return the workflow sessions; `now` in unix seconds is when the demo is made."""
    return [month_end(now - 9 * HOUR), onboarding(now - 2 * DAY - 3 * HOUR), expenses(now - 6 * DAY - 2 * HOUR)]


def month_end(start: int) -> Script:
    """Steps in parallel, in a loop, behind a condition and a router."""
    script = Script("close-2026-10", MONTH_END, MARA, start, name="Close of October", state={"month": "2026-10"})
    with Flow(script) as flow:
        invoices = Call("list_invoices", {"month": "2026-10"}, "96")
        collect = Parallel(
            flow.function("bank", {"lines": 412, "matched": 405}),
            flow.agent("invoices", CHECKER, ("96 invoices, two without an order.", invoices)),
            name="collect",
        )
        said = ("Of the seven open lines, five are card fees.", "The two that are left are a refund booked twice.")
        chase = Loop(
            [flow.agent("explain", CHECKER, *((answer,) for answer in said))],
            name="chase differences",
            max_iterations=2,
            forward_iteration_output=True,
        )
        correct = flow.function("book correction", "Corrected by € 118.40.")
        materiality = Condition([correct], name="materiality")
        report = flow.agent("report", WRITER, ("**October is closed.** One correction, € 118.40.",))
        route = Router(
            [Steps("full report", steps=[report]), Steps("short note", steps=[flow.function("note", "Closed.")])],
            selector=lambda step_input: "full report",
            name="route",
        )
        flow.run("Close October 2026", collect, chase, materiality, route)
        script.tick(1800)
        text = "October, on one page: 412 bank lines, 96 invoices, one correction."
        flow.run({"month": "2026-10", "only": "report"}, flow.agent("report", WRITER, (text,)))
    return script


def onboarding(start: int) -> Script:
    """A workflow whose second step is another workflow."""
    script = Script("vendor-marchetti", ONBOARDING, PRIYA, start, metadata={"country": "IT"})
    with Flow(script) as flow:
        papers = "Registered 2011, two directors, share capital € 10,000."
        news = Call("search_news", {"q": "Marchetti"}, "2")
        screening = flow.nested(
            SCREENING,
            flow.function("sanction lists", {"hits": 0, "lists": ["EU", "UN"]}),
            flow.agent("press", WRITER, ("No hits, nothing adverse: two favourable articles.", news)),
        )
        flow.run(
            "Atelier Marchetti, Milano",
            flow.agent("read papers", CHECKER, (papers,)),
            screening,
            flow.function("file", "Filed as creditor 70114."),
        )
    return script


def expenses(start: int) -> Script:
    """A step that fails and is left at that, and one that ends the run."""
    script = Script("expenses-q3", EXPENSES, MARA, start)
    with Flow(script) as flow:
        flow.run(
            "Receipts of July",
            flow.agent("read receipts", CHECKER, ("31 receipts, € 2,204.10, one in Swiss francs.",)),
            flow.function("convert", "30 of 31 converted.", error="RateService: no rate for CHF on 2026-07-19"),
            flow.function("post", "30 of 31 receipts posted."),
        )
        script.tick(600)
        flow.run(
            "Receipts of August",
            flow.agent("read receipts", CHECKER, ("28 receipts, € 1,874.00.",)),
            flow.failing("post", "LedgerLocked: the ledger is locked for the close."),
        )
    return script
