"""Who appears in the demo: the components of three small businesses and their users."""

from typing import Final

from agentos.demo.parts import Component

SUPPORT: Final = Component(
    "agent",
    "support-desk",
    "Support Desk",
    "gpt-5-mini",
    "You answer customers of a shop for coffee machines. Look things up before you promise. Be brief and kind.",
)
HOTLINE: Final = Component(
    "agent", "night-hotline", "Night Hotline", "gpt-5-nano", "You take the night calls. One or two sentences each."
)
GUIDE: Final = Component(
    "agent",
    "travel-guide",
    "Travel Guide",
    "gpt-5",
    "You plan short trips. Name times, prices and a rainy-day plan. Use tables where they help.",
)
LEDGER: Final = Component(
    "agent",
    "ledger-clerk",
    "Ledger Clerk",
    "gpt-5",
    "You work in the back office. Never pay anything without a person's confirmation. Show your arithmetic.",
)
ANALYST: Final = Component(
    "agent", "cash-analyst", "Cash Analyst", "gpt-5", "You forecast cash. State every assumption you make."
)

FLIGHTS: Final = Component("agent", "flight-scout", "Flight Scout", "gpt-5-mini", "You find flights.")
HOTELS: Final = Component("agent", "hotel-scout", "Hotel Scout", "gpt-5-mini", "You find places to sleep.")
VISAS: Final = Component("agent", "visa-reader", "Visa Reader", "gpt-5-mini", "You read entry rules.")
TRIP_DESK: Final = Component(
    "team",
    "trip-desk",
    "Trip Desk",
    "gpt-5",
    "You lead a trip desk. Delegate, compare, then write one answer.",
    (FLIGHTS, HOTELS),
)
PAPERWORK: Final = Component(
    "team", "paperwork", "Paperwork", "gpt-5-mini", "You lead the people who know the rules.", (VISAS,)
)
SABBATICAL: Final = Component(
    "team", "sabbatical-desk", "Sabbatical Desk", "gpt-5", "You plan long journeys.", (PAPERWORK, FLIGHTS)
)

CHECKER: Final = Component("agent", "invoice-checker", "Invoice Checker", "gpt-5-mini", "You check invoices.")
WRITER: Final = Component("agent", "report-writer", "Report Writer", "gpt-5", "You write reports people can act on.")
MONTH_END: Final = Component("workflow", "month-end", "Month-End Close")
ONBOARDING: Final = Component("workflow", "vendor-onboarding", "Vendor Onboarding")
SCREENING: Final = Component("workflow", "screening", "Screening")
EXPENSES: Final = Component("workflow", "expense-audit", "Expense Audit")

ANNA: Final = "anna@example.com"
BEN: Final = "ben@example.com"
CHEN: Final = "chen.wei@example.com"
FATIMA: Final = "fatima@example.com"
PRIYA: Final = "priya@example.com"
YUKI: Final = "yuki@example.com"
MARA: Final = "mara.finance"
