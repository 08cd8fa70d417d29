"""What the engines' processes share: the questions, and how their cost is measured."""

import json
import resource
import sys

BEGIN = 1_794_787_200
HOUR = 3600
END = BEGIN + 5 * 24 * HOUR
MIDDLE = BEGIN + 60 * HOUR
ADDRESS, ABSENT = "198.51.100.77", "198.51.100.78"
RARE, COMMON = "quixotic", "invalid"
EXTRA, EXTRA_VALUE = "change.ticket", "CHG0031337"
ROUNDS = 3


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def questions(moment, word, extra, hour_of):
    """Gives each question's SQL and how its answer is counted: rows, or the sum of the last column.

    moment: a literal of seconds; word: a condition on the record; extra: an expression for the unknown
    field; hour_of: an expression for the hour of the timestamp."""
    newest = "ORDER BY timestamp DESC, event_id DESC LIMIT"
    hour = f"timestamp >= {moment(MIDDLE)} AND timestamp < {moment(MIDDLE + HOUR)}"
    top = "source_ip IS NOT NULL AND source_ip <> ''"
    return {
        "newest 100 of an address": (f"SELECT * FROM events WHERE source_ip = '{ADDRESS}' {newest} 100", len),
        "absent address": (f"SELECT * FROM events WHERE source_ip = '{ABSENT}' {newest} 100", len),
        "rare word": (f"SELECT * FROM events WHERE {word(RARE)} {newest} 1000", len),
        "newest 100 of a common word": (f"SELECT * FROM events WHERE {word(COMMON)} {newest} 100", len),
        "hourly histogram": (
            f"SELECT {hour_of} AS h, count(*) FROM events WHERE timestamp >= {moment(BEGIN)}"
            f" AND timestamp < {moment(END)} GROUP BY h ORDER BY h", last),
        "top 20 addresses, 24 hours": (
            f"SELECT source_ip, count(*) AS n FROM events WHERE {top} AND timestamp >= "
            f"{moment(BEGIN + 48 * HOUR)} AND timestamp < {moment(BEGIN + 72 * HOUR)}"
            " GROUP BY source_ip ORDER BY n DESC LIMIT 20", last),
        "top 20 addresses, all": (
            f"SELECT source_ip, count(*) AS n FROM events WHERE {top}"
            " GROUP BY source_ip ORDER BY n DESC LIMIT 20", last),
        "failed log-ins by user, top 50": (
            "SELECT user_name, count(*) AS n FROM events WHERE event_category = 'authentication'"
            " AND event_outcome = 'failure' AND user_name <> '' GROUP BY user_name"
            " ORDER BY n DESC LIMIT 50", last),
        "unknown field": (f"SELECT * FROM events WHERE {extra} = '{EXTRA_VALUE}' {newest} 1000", len),
        "newest 100 within one hour": (
            "SELECT * FROM events WHERE event_module = 'key_value' AND event_action = 'drop'"
            f" AND {hour} {newest} 100", len),
        "word within one hour": (f"SELECT * FROM events WHERE {word(COMMON)} AND {hour} {newest} 10000", len),
    }


def last(rows):
    return sum(int(row[-1]) for row in rows)


def ask(all_questions, fetch):
    """Asks each once to warm up and then some times; `fetch` gives all rows of an SQL text."""
    answers = {}
    for name, (sql, count) in all_questions.items():
        best = None
        for _ in range(ROUNDS + 1):
            before = cpu()
            rows = fetch(sql)
            spent = (cpu() - before) * 1000
            best = spent if best is None else min(best, spent)
        answers[name] = {"cpu_ms": best, "rows": count(rows)}
    return answers


def tell(engine, events, data_bytes, index_bytes, cpu_s, answers):
    json.dump({"engine": engine, "events": events, "bytes": data_bytes / events,
               "index_bytes": None if index_bytes is None else index_bytes / events,
               "cpu_s": cpu_s, "questions": answers}, sys.stdout)
    print()
