"""Reads sealed segments with programs that are not ours: DuckDB and pyarrow.

    python3 readers.py HEX-OF-A-WRONG-KEY (SEGMENT HEX-OF-ITS-KEY COPY HEX-OF-ITS-KEY)...

reads each segment with pyarrow and its copy with both (DuckDB reads the first page only of a sealed
column chunk, whoever wrote it, so the copy has one page a chunk), and prints one line of JSON for each
segment: what all of them count and find.
"""

import base64
import json
import sys

import duckdb
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as encryption


def with_duckdb(path, key):
    connection = duckdb.connect()
    connection.execute(f"PRAGMA add_parquet_key('segment', '{base64.b64encode(key).decode()}')")
    # Loaded first: of a sealed file it cannot read the pages that a filter leaves over.
    rows = "events"
    connection.execute(
        f"CREATE TABLE {rows} AS SELECT * FROM "
        f"read_parquet('{path}', encryption_config = {{footer_key: 'segment'}})"
    )
    names = [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {rows}").fetchall()]
    counts = ", ".join(f'count("{name}")' for name in names)
    found = connection.execute(f"SELECT count(*), {counts} FROM {rows}").fetchone()
    texts = connection.execute(f'SELECT "event.original" FROM {rows} ORDER BY "event.id"').fetchall()
    needle = connection.execute(
        f"SELECT count(*) FROM {rows} WHERE \"source.ip\" = '203.0.113.7' AND \"event.id\" < 20000"
    ).fetchone()[0]
    return found[0], dict(zip(names, found[1:])), [text for (text,) in texts], needle


def with_pyarrow(path, key):
    properties = encryption.create_decryption_properties(footer_key=key)
    table = pq.read_table(path, decryption_properties=properties)
    counts = {name: pc.count(table.column(name)).as_py() for name in table.column_names}
    ids = table.column("event.id").to_pylist()
    texts = [text for _, text in sorted(zip(ids, table.column("event.original").to_pylist()))]
    addresses = table.column("source.ip").to_pylist()
    needle = sum(ip == "203.0.113.7" and id < 20000 for ip, id in zip(addresses, ids))
    return table.num_rows, counts, texts, needle


def refuses(reader, path, key):
    try:
        reader(path, key)
    except Exception:
        return True
    return False


def main():
    wrong = bytes.fromhex(sys.argv[1])
    for path, key, copy, its_key in zip(*(sys.argv[first::4] for first in range(2, 6))):
        key, its_key = bytes.fromhex(key), bytes.fromhex(its_key)
        arrow = with_pyarrow(path, key)
        assert arrow == with_pyarrow(copy, its_key), "the copy is not the segment"
        assert arrow == with_duckdb(copy, its_key), "DuckDB and pyarrow do not agree"
        assert refuses(with_pyarrow, path, wrong) and refuses(with_duckdb, copy, wrong)
        assert refuses(with_pyarrow, path, its_key), "one key opens two files"
        rows, counts, texts, needle = arrow
        print(json.dumps({"rows": rows, "columns": len(counts), "needle": needle, "texts": texts}))


main()
