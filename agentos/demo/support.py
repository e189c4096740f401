"""Demo sessions of a shop's support desk: tools that work and fail, pictures, several users and scripts."""

from typing import Final

from agentos.demo.cast import ANNA, BEN, CHEN, FATIMA, HOTLINE, PRIYA, SUPPORT, YUKI
from agentos.demo.parts import Call, bar_chart, error_dialog, image, text_file
from agentos.demo.script import Script

DAY: Final = 86_400
HOUR: Final = 3_600

_HEADLINE: Final = "<script>alert('not today')</script> **or** {{ 7 * 7 }}"


def support_sessions(now: int) -> list[Script]:
    """Return the support desk's sessions; `now` in unix seconds is when the demo is made."""
    return [
        refund(now - 2 * HOUR),
        broken_tools(now - 5 * HOUR),
        screenshots(now - 26 * HOUR),
        regenerated(now - 2 * DAY),
        anonymous(now - 3 * DAY),
        hostile(now - 4 * DAY),
        *languages(now),
        night_log(now - 9 * DAY),
    ]


def refund(start: int) -> Script:
    """Tools, two calls at once, a state that moves on, a summary and metadata."""
    script = Script("refund-4711", SUPPORT, ANNA, start, name="Refund for order 4711")
    script.metadata = {"channel": "web chat", "priority": "normal", "csat": None}
    script.turn(
        "My grinder from order 4711 arrived with a cracked hopper. What can you do?",
        "I'm sorry about that. Order **4711** is eleven days old and inside the 30-day window, so you can choose:\n\n"
        "1. a new hopper, shipped tomorrow\n2. a full refund of **€ 89.00**\n\nWhich do you prefer?",
        (
            Call("lookup_order", {"order_id": 4711}, '{"status": "delivered", "total": 89.0, "age_days": 11}'),
            Call("lookup_stock", {"part": "hopper-g2"}, '{"in_stock": 14, "ships": "tomorrow"}', seconds=0.9),
        ),
        state={"stage": "offered", "order_id": 4711},
    )
    script.turn(
        "The refund, please.",
        "Done: € 89.00 go back to the card ending 4242. Banks take two to five working days.",
        Call(
            "issue_refund",
            {"order_id": 4711, "amount": 89.0},
            '{"refund": "rf_20391", "state": "accepted"}',
            seconds=1.7,
        ),
        state={"stage": "refunded", "refund": "rf_20391"},
    )
    script.turn("Do I have to send the broken one back?", "No, keep it or recycle it. We only need your photo of it.")
    script.turn("Great, thanks!", "You're welcome, Anna. Enjoy your coffee ☕", state={"stage": "closed"})
    script.summary = {
        "summary": "Anna's grinder (order 4711) came with a cracked hopper. She chose the refund of € 89.00, which was "
        "issued as rf_20391; she may keep the machine.",
        "topics": ["refund", "damaged goods", "order 4711"],
    }
    return script


def broken_tools(start: int) -> Script:
    """A tool that raises, a tool that is not there, and arguments that are no JSON."""
    script = Script("printer-offline", SUPPORT, BEN, start, metadata={"channel": "phone"})
    script.turn(
        "The label printer in the warehouse does nothing.",
        "The device service did not answer me. Please hold the green button for ten seconds; I have noted the fault.",
        Call(
            "ping_device", {"device": "label-3"}, "TimeoutError: no answer from 10.0.3.17 in 5 s", error=True, seconds=5
        ),
        Call("restart_device", {"device": "label-3"}, "", flags={"unknown": True}),
        Call("open_ticket", {}, "", arguments='{"title": "label-3 offline, "urgency": high}'),
        Call("open_ticket", {"title": "label-3 offline", "urgency": "high"}, "FM-882"),
    )
    script.turn(
        "It blinks red now.",
        "Red means the head is open. Close the lid until it clicks; then print a test page with the feed button.",
        Call("read_manual", {"device": "label-3", "topic": "red light"}, "LED red: print head open. See 4.2."),
    )
    return script


def screenshots(start: int) -> Script:
    """Pictures and files that came in, and a chart that went out."""
    script = Script("screenshot-help", SUPPORT, ANNA, start)
    picture = image("shot-1", error_dialog(), alt_text="A dialog with a red bar")
    script.turn(
        "This dialog appears when I descale. What does it want from me?",
        "It asks for the water tank: code **E-14** means the float is stuck. Lift it once and press *Continue*.",
        images=[picture],
    )
    log = text_file("log-1", "descaling.csv", "cycle,seconds,code\n1,612,ok\n2,598,ok\n3,41,E-14\n", "text/csv")
    chart = image("chart-1", bar_chart([58, 56, 4]), original_prompt="cycle lengths")
    script.turn(
        "Here is the log. Is the machine all right?",
        "Two good cycles, and the third stopped after 41 seconds with E-14, which fits the stuck float. The chart "
        "shows the three cycles.",
        Call("draw_chart", {"values": [61, 60, 4]}, "chart-1.png", images=(chart,)),
        files=[log],
    )
    return script


def regenerated(start: int) -> Script:
    """An answer that was thrown away and made again: Agno's regenerating, which we read and do not do."""
    script = Script("loyalty-points", SUPPORT, BEN, start, name="Loyalty points, second attempt")
    old = script.turn("How many points do I have?", "You have about 1,200 points, I think.", status="REGENERATED")
    script.turn(
        "How many points do I have?",
        "You have **1,284 points**, enough for the travel mug (1,000).",
        Call("loyalty_balance", {"customer": "ben"}, "1284"),
        regenerated_from=old["run_id"],
        forked_from_run_id=old["run_id"],
        forked_from_message_index=1,
    )
    return script


def anonymous(start: int) -> Script:
    """Somebody nobody knows: such a session has no user at all."""
    script = Script("anonymous-pricing", SUPPORT, None, start, metadata={"channel": "website", "page": "/pricing"})
    script.turn("How much is the smallest machine?", "The *Piccolo* costs € 249, with free delivery from € 50.")
    script.turn("And used ones?", "Refurbished ones start at € 169 with one year of warranty. Five are left.")
    return script


def hostile(start: int) -> Script:
    """Text that would be code if a page were careless. It is only text."""
    script = Script("markup-<b>everywhere</b>", SUPPORT, "o'brien <root>", start, name=_HEADLINE)
    script.metadata = {"<img src=x onerror=alert(1)>": "javascript:alert(1)", "note": "\u202etxt.exe"}
    script.turn(
        "<script>document.title='changed'</script> Why is this not bold: <b>bold</b>? {{ secret }} {% now %}",
        "Because it is text. A [link](javascript:alert(1)), an <iframe src='//example.com'></iframe>, an image "
        "![x](https://example.com/track.png) and `<svg onload=alert(1)>` stay harmless here as well.\n\n"
        "```html\n<button hx-post=/sign-out/ hx-trigger=load>Free coffee</button>\n```",
        Call("echo", {"</script><script>": "\x1b[31mred\x1b[0m \u0007"}, "</pre></textarea><script>alert(2)</script>"),
    )
    return script


def languages(now: int) -> list[Script]:
    """One session each in Chinese, Arabic, Hindi and Japanese, and one in emoji."""
    talks = (
        (
            "订单-2024-延迟",
            CHEN,
            "我的咖啡机订单已经晚了三天，现在到哪里了？",
            "您的包裹今天早上到达上海分拨中心，预计**明天下午**送达。给您带来不便，非常抱歉。",
            Call("track_parcel", {"parcel": "SH-88120"}, '{"位置": "上海", "预计": "明天"}'),
        ),
        (
            "warranty-ar",
            FATIMA,
            "هل يغطي الضمان مضخة الماء؟ الجهاز عمره سنة ونصف.",
            "نعم، مضخة الماء مشمولة بالضمان لمدة **سنتين**. سنرسل لك ملصق شحن مجاني اليوم.",
            Call("check_warranty", {"serial": "PX-5501"}, "مشمول حتى ٢٠٢٧"),
        ),
        (
            "delivery-hi",
            PRIYA,
            "क्या मैं डिलीवरी का पता बदल सकती हूँ?",
            "हाँ, पार्सल अभी गोदाम में है। नया पता भेज दीजिए, मैं तुरंत बदल दूँगी।",
            Call("parcel_state", {"order": 5120}, '{"state": "गोदाम"}'),
        ),
        (
            "説明書-piccolo",
            YUKI,
            "Piccoloの説明書の日本語版はありますか？",
            "はい、ございます。**12ページ**の簡易版と、48ページの完全版の二種類をお送りしました。",
            Call("send_manual", {"language": "ja", "model": "Piccolo"}, "送信済み"),
        ),
        (
            "🎉-office-party",
            ANNA,
            "Need 40 cups ☕☕☕ for a party 🎉 on Friday!!",
            "🎉 Noted: 40 cups, Friday. 👩‍🍳 You need **two** machines and 1.2 kg of beans. Shall I reserve them? 👍",
            Call("reserve", {"cups": 40}, "✅"),
        ),
    )
    scripts = []
    for days, (session_id, user, question, answer, call) in enumerate(talks, 1):
        script = Script(session_id, SUPPORT, user, now - days * DAY - 7 * HOUR)
        script.turn(question, answer, call)
        scripts.append(script)
    return scripts


def night_log(start: int) -> Script:
    """Two hundred and sixty short calls of one long night."""
    script = Script("night-shift-log", HOTLINE, BEN, start, name="Night shift, all calls", pause=70)
    faults = ("no steam", "loose lid", "water under the machine", "a strange noise", "milk too cold")
    advice = ("open the valve once", "press until it clicks", "empty the tray", "descale it", "clean the nozzle")
    for number in range(1, 261):
        which = number % len(faults)
        question = f"Call {number}: a caller reports {faults[which]}."
        script.turn(question, f"Told them to {advice[which]}; case {7000 + number} is closed.")
    return script
