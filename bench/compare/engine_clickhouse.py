"""ClickHouse: MergeTree sorted by data set, host and time, low cardinality where it holds, ZSTD(3), a
bloom filter on addresses and a text index on the record; merged to the end."""

import os
import sys

from chdb import session

import engine

LOW = ["bartizan_input", "dns_question_type", "dns_response_code", "event_action", "event_category",
       "event_code", "event_dataset", "event_kind", "event_module", "event_outcome", "event_type",
       "host_name", "http_request_method", "network_transport", "observer_name",
       "process_executable", "process_name", "process_parent_executable", "rule_id", "ssh_method",
       "user_agent_original", "user_domain", "user_name"]
LONG = ["destination_bytes", "destination_port", "http_response_body_bytes",
        "http_response_status_code", "log_syslog_priority", "process_parent_pid", "process_pid",
        "source_bytes", "source_port"]
TEXT = ["event_original", "destination_ip", "dns_question_name", "http_request_referrer",
        "process_command_line", "source_ip", "url_original", "extra"]

table, folder = sys.argv[1:]
columns = [
    "timestamp DateTime64(9, 'UTC') CODEC(Delta, ZSTD(3))",
    "event_ingested DateTime64(9, 'UTC') CODEC(Delta, ZSTD(3))",
    "event_id Int64 CODEC(Delta, ZSTD(3))",
    *[f"{name} LowCardinality(String) CODEC(ZSTD(3))" for name in LOW],
    *[f"{name} Int64 CODEC(T64, ZSTD(3))" for name in LONG],
    *[f"{name} String CODEC(ZSTD(3))" for name in TEXT],
    "INDEX by_address source_ip TYPE bloom_filter(0.01) GRANULARITY 1",
    "INDEX by_word event_original TYPE text(tokenizer = 'splitByNonAlpha')",
]
names = ["timestamp", "event_ingested", "event_id", *LOW, *LONG, *TEXT]
database = session.Session(os.path.join(folder, "clickhouse"))
database.query("CREATE DATABASE bench ENGINE = Atomic")
before = engine.cpu()
database.query(
    f"CREATE TABLE bench.events ({', '.join(columns)}) ENGINE = MergeTree"
    " ORDER BY (event_dataset, host_name, timestamp)")
database.query(
    f"INSERT INTO bench.events ({', '.join(names)}) SELECT {', '.join(names)}"
    f" FROM file('{table}', Parquet) SETTINGS max_threads = 2, max_insert_threads = 1")
database.query("OPTIMIZE TABLE bench.events FINAL")
spent = engine.cpu() - before


def rows(sql):
    text = str(database.query(sql, "TSV"))
    return [line.split("\t") for line in text.splitlines()]


events = int(rows("SELECT count() FROM bench.events")[0][0])
size = int(rows("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = 'events'")[0][0])
index = int(rows("SELECT sum(secondary_indices_compressed_bytes) FROM system.parts"
                 " WHERE active AND table = 'events'")[0][0])
version = rows("SELECT version()")[0][0]
asked = engine.questions(
    lambda seconds: f"fromUnixTimestamp64Nano(toInt64({seconds * 1_000_000_000}), 'UTC')",
    lambda word: f"hasToken(event_original, '{word}')",
    f"JSONExtractString(extra, '{engine.EXTRA}')",
    "toStartOfHour(timestamp)",
)
settings = " SETTINGS max_threads = 2, use_query_condition_cache = 0"
answers = engine.ask(
    asked, lambda sql: rows(sql.replace("FROM events", "FROM bench.events") + settings))
database.close()
engine.tell(f"ClickHouse {version}", events, size, index, spent, answers)
