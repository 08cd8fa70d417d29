#!/usr/bin/env python3
"""Puts the same events into Bartizan, DuckDB, ClickHouse and SQLite, asks each the same questions, and
prints one table.

    bench/compare/compare.py --mix TARGET/release/mix [--events 5000000] [--engines duckdb,sqlite]

Each engine runs in a process of its own, which measures its own processor time (user and system). The
Python engines are installed from PyPI into a folder that is deleted at the end, or taken from the
interpreter named by --python; one that cannot be had is left out by name.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

ENGINES = ["bartizan", "duckdb", "clickhouse", "sqlite"]
WHEELS = {"duckdb": ["duckdb"], "clickhouse": ["chdb"], "sqlite": ["pyarrow"]}
HERE = os.path.dirname(os.path.abspath(__file__))


def say(text):
    print(text, file=sys.stderr, flush=True)


def install(folder, engines):
    """Gives the interpreter that has the wheels, and the engines that can run."""
    python = os.path.join(folder, "venv", "bin", "python")
    wanted = sorted({wheel for engine in engines for wheel in WHEELS.get(engine, [])})
    if not wanted:
        return sys.executable, engines
    try:
        subprocess.run([sys.executable, "-m", "venv", os.path.join(folder, "venv")], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        say(f"no Python environment could be made ({error}); on Debian, install python3-venv")
        return None, [engine for engine in engines if engine not in WHEELS]
    able = []
    for engine in engines:
        wheels = WHEELS.get(engine, [])
        done = not wheels or subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wheels]
        ).returncode == 0
        if done:
            able.append(engine)
        else:
            say(f"{engine} is left out: {', '.join(wheels)} could not be installed from PyPI")
    return python, able


def run_engine(engine, arguments, python, table, folder):
    room = os.path.join(folder, engine)
    os.makedirs(room)
    if engine == "bartizan":
        command = [arguments.mix, "store", os.path.join(room, "store"), str(arguments.events)]
    else:
        script = os.path.join(HERE, f"engine_{engine}.py")
        command = [python, script, table, room]
    say(f"== {engine}")
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    shutil.rmtree(room, ignore_errors=True)
    if done.returncode != 0:
        say(f"{engine} is left out: it ended with {done.returncode}")
        return None
    said = done.stdout.strip().splitlines()[-1]
    say(said)
    return json.loads(said)


def print_table(results, events, json_bytes):
    names = [result["engine"] for result in results]
    print(f"{events:,} events, {json_bytes:.0f} bytes each as JSON; processor time, warm, the best of three\n")
    print("| | " + " | ".join(names) + " |")
    print("|---" * (len(names) + 1) + "|")
    print("| bytes an event on disk | " + " | ".join(f"{r['bytes']:.1f}" for r in results) + " |")
    print("| of these, index | " + " | ".join(
        f"{r['index_bytes']:.1f}" if r.get("index_bytes") is not None else "–" for r in results) + " |")
    for result in results:
        if "fresh_bytes" in result:
            print(f"| before its segments are merged | {result['fresh_bytes']:.1f} |" + " |" * (len(results) - 1))
    print("| ingest with all merges, CPU s | " + " | ".join(f"{r['cpu_s']:.1f}" for r in results) + " |")
    print("| ingest, events/s per core | " + " | ".join(
        f"{r['events'] / r['cpu_s']:,.0f}" for r in results) + " |")
    faults = []
    for question in results[0]["questions"]:
        cells, counts = [], set()
        for result in results:
            answer = result["questions"].get(question)
            if answer is None:
                cells.append("–")
                continue
            counts.add(answer["rows"])
            cells.append(f"{answer['cpu_ms']:.1f}")
        label = f"{question} ({'/'.join(f'{count:,}' for count in sorted(counts))})"
        print(f"| {label}, CPU ms | " + " | ".join(cells) + " |")
        if len(counts) != 1:
            told = {result["engine"]: result["questions"][question]["rows"]
                    for result in results if question in result["questions"]}
            faults.append(f"{question}: the answers differ: {told}")
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--mix", required=True, help="the built bench program `mix`")
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--python", help="an interpreter that has duckdb, chdb and pyarrow")
    parser.add_argument("--folder", help="where to work (some 8 GB for five million events)")
    arguments = parser.parse_args()
    engines = [engine for engine in arguments.engines.split(",") if engine]
    unknown = [engine for engine in engines if engine not in ENGINES]
    if unknown:
        parser.error(f"no such engine: {', '.join(unknown)}; there are {', '.join(ENGINES)}")
    folder = tempfile.mkdtemp(prefix="bartizan-compare-", dir=arguments.folder)
    try:
        if arguments.python:
            python = arguments.python
        else:
            python, engines = install(folder, engines)
        table = os.path.join(folder, "events.parquet")
        say(f"== making {arguments.events:,} events")
        made = subprocess.run([arguments.mix, "table", table, str(arguments.events)],
                              stdout=subprocess.PIPE, text=True, check=True)
        json_bytes = json.loads(made.stdout)["json_bytes"]
        results = [run_engine(engine, arguments, python, table, folder) for engine in engines]
        results = [result for result in results if result]
        faults = print_table(results, arguments.events, json_bytes) if results else ["nothing was measured"]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for fault in faults:
        say(fault)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
