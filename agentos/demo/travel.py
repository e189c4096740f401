"""Demo sessions of a travel desk: teams with members, tables and code, citations, structured output."""

from typing import Any, Final

from agentos.demo.cast import (
    ANNA,
    BEN,
    CHEN,
    FLIGHTS,
    GUIDE,
    HOTELS,
    PAPERWORK,
    PRIYA,
    SABBATICAL,
    TRIP_DESK,
    VISAS,
    YUKI,
)
from agentos.demo.parts import Call
from agentos.demo.script import Script

DAY: Final = 86_400
HOUR: Final = 3_600

_LISBON: Final = """Here is a weekend that works in rain as well:

| when | what | price |
| --- | --- | ---: |
| Fri 18:20 | flight, arrives 20:35 | € 118 |
| Sat 10:00 | Alfama on foot, tram 28 back | € 3 |
| Sat 15:00 | *rain:* Tile Museum | € 10 |
| Sun 11:00 | Belém: tower and pastries | € 14 |
| Sun 19:05 | flight home | € 96 |

**Sum: € 241** without the hotel. Shall I look for one near Baixa-Chiado?"""

_BUDGET: Final = '''A small table in your notebook is enough:

```python
rates = {"EUR": 1.0, "ISK": 0.0067}

def budget(days: list[tuple[float, str]]) -> float:
    """Return the sum of all days in euros."""
    return round(sum(amount * rates[currency] for amount, currency in days), 2)

budget([(42, "EUR"), (9800, "ISK")])  # 107.66
```

- [x] flights
- [ ] rain jacket, *not* an umbrella: the wind wins
- [ ] swimsuit, for the pools

> Rates move. Check yours on the day you pay.'''


def travel_sessions(now: int) -> list[Script]:
    """Return the travel desk's sessions; `now` in unix seconds is when the demo is made."""
    return [
        lisbon(now - 7 * HOUR),
        packing(now - 30 * HOUR),
        team_weekend(now - 3 * HOUR),
        sabbatical(now - 5 * DAY),
        member_fails(now - 6 * DAY),
        visa_rules(now - 3 * DAY),
        itinerary(now - 8 * DAY),
        cancelled(now - 11 * HOUR),
    ]


def lisbon(start: int) -> Script:
    """A plan that grows over four questions, with the state beside it."""
    script = Script("lisbon-weekend", GUIDE, CHEN, start, state={"traveller": "Chen", "budget_eur": 400})
    script.turn(
        "A weekend in Lisbon in March, not above 400 euros. Ideas?",
        _LISBON,
        Call(
            "search_flights",
            {"from": "FRA", "to": "LIS", "month": "2027-03"},
            '[{"out": 118}, {"back": 96}]',
            seconds=2.1,
        ),
        Call("weather_normals", {"city": "Lisbon", "month": 3}, "18 °C by day, 9 rainy days"),
        state={"city": "Lisbon", "spent_eur": 241},
    )
    script.turn(
        "Yes, two nights, quiet please.",
        "The **Casa do Pátio** has a courtyard room for € 68 a night: € 136, so € 377 in all, and € 23 are left.",
        Call(
            "search_hotels",
            {"area": "Baixa-Chiado", "nights": 2, "quiet": True},
            '[{"name": "Casa do Pátio", "eur": 68}]',
        ),
        state={"spent_eur": 377, "hotel": "Casa do Pátio"},
    )
    script.turn(
        "Where do people there have breakfast?", "Standing at a counter: a *galão* and a *torrada*, about € 3.20."
    )
    script.turn("Hold the room until tomorrow.", "Held until tomorrow 18:00 under your name.", state={"held": True})
    script.summary = {
        "summary": "Chen plans a March weekend in Lisbon for at most € 400; flights, a quiet hotel and walks come to "
        "€ 377. The room is held until the next evening.",
        "topics": ["Lisbon", "weekend trip", "budget"],
    }
    return script


def packing(start: int) -> Script:
    """Markdown of every kind, with code."""
    script = Script("iceland-budget", GUIDE, YUKI, start, metadata={"locale": "ja-JP", "ab_test": {"variant": "b"}})
    script.turn("How do I keep track of the money in Iceland, and what do I pack?", _BUDGET)
    script.turn("And in one sentence?", "Write down every day in its own currency and add up once, in euros.")
    return script


def team_weekend(start: int) -> Script:
    """Two members, each with a run of its own before the leader's."""
    script = Script("porto-or-ghent", TRIP_DESK, ANNA, start, name="Porto or Ghent?", state={"party": 2})
    flights = script.run_of(
        FLIGHTS,
        "Cheapest return for two, Frankfurt to Porto and Brussels, second weekend of May.",
        "Porto: € 236 for two, direct. Brussels: € 148 for two, then 35 minutes by train to Ghent.",
        [(Call("search_flights", {"to": "OPO"}, "236"), Call("search_flights", {"to": "BRU"}, "148"))],
    )
    hotels = script.run_of(
        HOTELS,
        "Two nights for two in Porto and in Ghent, breakfast included.",
        "Porto: € 190 in Ribeira. Ghent: € 232 by the Graslei.",
        [Call("search_hotels", {"cities": ["Porto", "Ghent"], "nights": 2}, '{"Porto": 190, "Ghent": 232}')],
    )
    script.team_turn(
        "Second weekend of May, two of us: Porto or Ghent?",
        "Ghent is € 46 cheaper (€ 380 against € 426) and three hours shorter. For sun, Porto.",
        flights,
        hotels,
    )
    script.team_turn("Sun it is. And the rain plan?", "The Serralves museum, and port cellars on the south bank.")
    script.summary = {
        "summary": "Anna compared Porto and Ghent for two in May and leans to Porto.",
        "topics": ["Porto"],
    }
    return script


def sabbatical(start: int) -> Script:
    """A team with a team inside; members are embedded, so the whole tree is there."""
    script = Script("sabbatical-2027", SABBATICAL, PRIYA, start, name="Six months along the Silk Road")
    rules = script.run_of(
        VISAS,
        "Entry rules for an Indian passport: Uzbekistan, Georgia, Türkiye.",
        "Uzbekistan: e-visa, 30 days. Georgia: e-visa, 90 days. Türkiye: e-visa with a Schengen visa.",
        [Call("entry_rules", {"passport": "IN", "to": ["UZ", "GE", "TR"]}, "3 pages", seconds=3.2)],
    )
    papers = script.run_of(
        PAPERWORK,
        "Which papers does Priya need, and by when?",
        "Three e-visas, the first six weeks ahead; insurance for 180 days.",
        members=[rules],
    )
    route = script.run_of(FLIGHTS, "One-way Delhi to Tashkent in April.", "From € 210, Tuesdays are cheapest.")
    script.team_turn(
        "Six months from Delhi westwards by land, starting in April. What first?",
        "First the papers: apply in the last week of February. Then a one-way flight to Tashkent (from € 210).",
        papers,
        route,
        embed=True,
    )
    return script


def member_fails(start: int) -> Script:
    """A member's model was down; the leader says so and answers with what it has."""
    script = Script("oslo-conference", TRIP_DESK, BEN, start)
    flights = script.run_of(FLIGHTS, "Berlin to Oslo on the 3rd, back on the 5th.", "SAS, € 164 return.")
    hotels = script.run_of(
        HOTELS, "Two nights near the congress centre.", "The model answered 503: overloaded.", fails=True
    )
    script.team_turn(
        "I speak in Oslo from the 3rd to the 5th. Book me in.",
        "The flight is found (€ 164). The hotel search failed, so **nothing** is booked; try again in an hour.",
        flights,
        hotels,
    )
    return script


def visa_rules(start: int) -> Script:
    """Answers with their sources."""
    script = Script("visa-japan", GUIDE, CHEN, start)
    script.turn(
        "Do I need a visa for two weeks in Japan with a German passport?",
        "No: up to 90 days are visa-free for tourism. Have your return ticket at hand.",
        citations={
            "search_queries": ["japan visa exemption germany 90 days"],
            "urls": [
                {"url": "https://example.org/visa/japan", "title": "Visa exemptions, Japan"},
                {"url": "javascript:alert(1)", "title": "a link that must not be one"},
            ],
            "documents": [
                {
                    "document_title": "Entry rules 2026",
                    "cited_text": "a stay of up to 90 days",
                    "file_name": "entry.pdf",
                }
            ],
        },
        # We have neither knowledge bases nor proposals for the next question; Agno stores them like this.
        references=[
            {
                "query": "japan visa germany",
                "references": [{"name": "Entry rules 2026", "content": "Germany: 90 days"}],
                "time": 0.41,
            }
        ],
        followups=["What may I bring in?", "Which cash machines take foreign cards?"],
    )
    return script


def itinerary(start: int) -> Script:
    """Structured output: the content is an object."""
    from pydantic import create_model

    shape = create_model("Itinerary", city=str, days=list[dict[str, Any]], cost_eur=float, rain_plan=(str | None, None))
    script = Script("kyoto-itinerary", GUIDE, YUKI, start)
    script.turn(
        "Two days in Kyoto as data, please.",
        {
            "city": "Kyoto",
            "days": [
                {"date": "2027-04-02", "stops": ["Fushimi Inari before 8", "Nishiki market", "Gion at dusk"]},
                {"date": "2027-04-03", "stops": ["Arashiyama by bike", "Ryoan-ji"]},
            ],
            "cost_eur": 186.5,
            "rain_plan": None,
        },
        schema=shape,
    )
    return script


def cancelled(start: int) -> Script:
    """Stopped in the middle of a sentence, and asked again more modestly."""
    script = Script("world-tour", GUIDE, ANNA, start)
    script.turn(
        "Plan a tour through all 195 countries.",
        "Let us begin in the north-west of Europe and go clockwise. Day 1: Reykjavík. Day 2:",
        status="CANCELLED",
    )
    script.turn("Stop, only Scandinavia!", "Oslo, Stockholm, Copenhagen: nine days by train, about € 780.")
    return script
