"""Demo sessions of a back office: runs that wait for a person, fail or never ended, reasoning, and workflows."""

import json
from typing import Final

from agentos.demo.cast import ANALYST, LEDGER, MARA, PRIYA
from agentos.demo.parts import Call
from agentos.demo.script import Script

DAY: Final = 86_400
HOUR: Final = 3_600


def finance_sessions(now: int) -> list[Script]:
    """Return the back office's agent sessions; `now` in unix seconds is when the demo is made."""
    return [
        invoice_approval(now - HOUR),
        missing_details(now - 28 * HOUR),
        model_trouble(now - 2 * DAY - HOUR),
        nightly_reconciliation(now - 14 * HOUR),
        queued_batch(now - 10 * DAY),
        forecast(now - 4 * HOUR),
        big_table(now - 7 * DAY),
        draft(now - 12 * DAY),
    ]


def invoice_approval(start: int) -> Script:
    """A payment that waits for somebody's confirmation."""
    script = Script("invoice-2291", LEDGER, MARA, start, name="Invoice 2291, Lindqvist AB")
    script.turn(
        "Is invoice 2291 from Lindqvist in order?",
        "Yes: purchase order 881, delivery note and invoice agree on **SEK 48,200.00**, due in six days.",
        (
            Call("get_invoice", {"id": 2291}, '{"sek": 48200, "po": 881}'),
            Call("get_order", {"id": 881}, '{"sek": 48200}'),
        ),
        state={"invoice": 2291, "checked": True},
    )
    call = Call(
        "pay_invoice",
        {"id": 2291, "amount": 48200.0, "currency": "SEK", "from_account": "SE-operating"},
        "",
        flags={"requires_confirmation": True, "approval_type": "required"},
    )
    script.turn("Then pay it today.", None, call)
    return script


def missing_details(start: int) -> Script:
    """A form the agent wants filled in before it goes on."""
    script = Script("new-creditor", LEDGER, PRIYA, start)
    fields = [
        {"name": "iban", "field_type": "str", "description": "Where the money goes", "value": None},
        {"name": "currency", "field_type": "str", "description": "Three letters", "value": "EUR"},
    ]
    call = Call(
        "create_creditor",
        {"name": "Atelier Marchetti"},
        "",
        flags={"requires_user_input": True, "user_input_schema": fields},
    )
    script.turn("Set up Atelier Marchetti as a creditor.", None, call)
    return script


def model_trouble(start: int) -> Script:
    """A run that failed with the model's own words, and the second try."""
    script = Script("fx-rates", LEDGER, MARA, start)
    script.turn(
        "Convert last month's dollar invoices.",
        "Error code: 429 - rate limit reached for gpt-5: 30,000 tokens per minute. Try again in 12 s.",
        status="ERROR",
    )
    script.turn(
        "Again, please.",
        "Eleven invoices, USD 18,340.20, are **€ 16,872.98** at the month-end rate of 0.9200.",
        Call("month_end_rate", {"pair": "USD/EUR"}, "0.9200"),
    )
    return script


def nightly_reconciliation(start: int) -> Script:
    """A run whose process died: it says RUNNING for ever. Made of a finished one: no run can be asked to die."""
    script = Script("nightly-reconciliation", LEDGER, None, start, metadata={"trigger": "cron", "host": "batch-2"})
    script.turn("Reconcile yesterday's bank lines.", "412 of 412 lines matched.", Call("match_lines", {}, "412/412"))
    left = script.turn("Reconcile today's bank lines.", "", Call("match_lines", {"page": 1}, "200/431"))
    left.update(status="RUNNING", content=None, last_checkpoint_at_message_index=len(left["messages"]) - 2)
    left["messages"] = left["messages"][:-1]
    return script


def queued_batch(start: int) -> Script:
    """A run that was registered and never began, which only a queue of Agno's leaves."""
    script = Script("queued-batch", LEDGER, None, start)
    run = script.turn("Post the travel receipts of the quarter.", "", status="PENDING")
    for key in ("messages", "metrics", "tools", "content"):
        run.pop(key)
    return script


def forecast(start: int) -> Script:
    """Reasoning twice: as the model's own text, and in steps."""
    script = Script("cash-forecast", ANALYST, MARA, start, name="Will March be tight?", state={"horizon_weeks": 8})
    thinking = (
        "Opening balance 212k. Payroll 96k at the end of each month. Two large customers pay late, on day 41 on "
        "average. If both slip, the low point is the week of the tax payment."
    )
    script.turn(
        "Do we get through March without the credit line?",
        "Yes, with **€ 31,000** to spare in the week of the 15th. If both large customers pay a week late, it is "
        "€ 4,000: then move the tax prepayment.",
        Call("open_items", {"weeks": 8}, '{"in": 318000, "out": 402000}', seconds=1.1),
        thinking=thinking,
        state={"low_point": 31000},
    )
    steps = [
        ("Collect", "Read open items and payroll", "318k in, 402k out", "continue", 0.9),
        ("Stress", "Shift the two largest receipts by a week", "low point 4k", "validate", 0.75),
        ("Decide", None, "enough in both cases", "final_answer", 0.85),
    ]
    script.turn(
        "Show me how you got there.",
        "Open items first, then the late-payer case, then the decision; the steps are beside this answer.",
        # Agno's agents that reason in steps store them like this; ours leave it to the model.
        reasoning_steps=[
            {
                "title": title,
                "action": action,
                "result": result,
                "reasoning": f"Step: {title.lower()}.",
                "next_action": following,
                "confidence": confidence,
            }
            for title, action, result, following, confidence in steps
        ],
    )
    return script


def big_table(start: int) -> Script:
    """A tool result of forty kilobytes, and SQL."""
    script = Script("ledger-query", LEDGER, MARA, start)
    rows = [
        {"line": n, "account": 6000 + n % 40, "text": f"Posting {n}", "amount": round(n * 7.31 % 900, 2)}
        for n in range(1, 501)
    ]
    script.turn(
        "Which five accounts moved most in the last quarter?",
        "6012, 6031, 6007, 6025 and 6019. This is the query I used:\n\n```sql\nSELECT account, sum(amount) AS moved\n"
        "FROM postings\nWHERE posted >= date('now', '-3 months')\nGROUP BY account ORDER BY moved DESC LIMIT 5;\n```",
        Call("run_sql", {"sql": "SELECT * FROM postings LIMIT 500"}, json.dumps(rows), seconds=3.4),
    )
    return script


def draft(start: int) -> Script:
    """A session in which nothing was said yet."""
    return Script("budget-2028", ANALYST, MARA, start, name="Budget 2028 (draft)", state={"stage": "empty"})
