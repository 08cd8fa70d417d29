#!/usr/bin/env python3
"""Puts our forest and scikit-learn's side by side on the same labelled requests.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install scikit-learn
    /tmp/venv/bin/python bench/models/compare.py --models TARGET/release/models [--corpus FOLDER]
    /tmp/venv/bin/python bench/models/compare.py --fixture crates/detect/src/models/testdata

The first form grows scikit-learn's forest from the rows that `models --rows` wrote, measures it, hands its
trees to ours in our own format, and compares the scores row by row. The second writes the small forest,
rows and scores that a test of the crate `detect` reads.
"""

import argparse
import pathlib
import struct
import subprocess
import sys
import tempfile
import time

import numpy
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

FEATURES = 13
ROW = numpy.dtype([("flags", "u1", 4), ("numbers", "<f4", FEATURES)])
LEAF = 255


def mean_length(rows):
    """Gives the mean number of cuts that a search in vain takes among so many rows."""
    if rows <= 1:
        return 0.0
    if rows == 2:
        return 1.0
    return 2.0 * (numpy.log(rows - 1.0) + numpy.euler_gamma) - 2.0 * (rows - 1.0) / rows


def varint(number):
    """Writes a number seven bits a byte, the lowest first."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def rounded_down(threshold):
    """Gives the largest number of 32 bits that is not greater."""
    small = numpy.float32(threshold)
    if float(small) > threshold:
        small = numpy.nextafter(small, numpy.float32(-numpy.inf))
    return small


def exported(forest):
    """Gives the forest in the format that `Forest::decode` reads."""
    out = bytearray(varint(forest.max_samples_) + varint(len(forest.estimators_)))
    for tree, used in zip(forest.estimators_, forest.estimators_features_):
        inner = tree.tree_

        def node(at, depth):
            if inner.children_left[at] < 0:
                length = depth + mean_length(int(inner.n_node_samples[at]))
                out.extend(struct.pack("<Bf", LEAF, length))
                return
            feature = int(used[inner.feature[at]])
            out.extend(struct.pack("<Bf", feature, rounded_down(inner.threshold[at])))
            node(inner.children_left[at], depth + 1)
            node(inner.children_right[at], depth + 1)

        node(0, 0)
    return bytes(out)


def found_at(scores, attacks, share):
    """Gives the share of attacks above what so many of the others reach."""
    others = numpy.sort(scores[~attacks])
    limit = others[len(others) - 1 - int(len(others) * share)]
    return (scores[attacks] > limit).mean()


def compare(program, corpus):
    """Measures both and prints one table."""
    with tempfile.TemporaryDirectory() as folder:
        rows = pathlib.Path(folder, "rows")
        subprocess.run([program, corpus, "--rows", rows], check=True)
        if not rows.exists():
            return 0
        data = numpy.fromfile(rows, dtype=ROW)
        attack, teaches, mixed, site = (data["flags"][:, at].astype(bool) for at in range(4))
        numbers = numpy.ascontiguousarray(data["numbers"])
        print("scikit-learn, 100 trees of 256 rows")
        for name, learned, judged in [
            ("mixed", teaches, mixed & (attack | ~teaches)),
            ("csic, trained on the site", teaches & site, site & (attack | ~teaches)),
        ]:
            for seed in range(3):
                forest = IsolationForest(n_estimators=100, max_samples=256, random_state=seed)
                forest.fit(numbers[learned])
                scores = -forest.score_samples(numbers[judged])
                area = roc_auc_score(attack[judged], scores)
                percent, permille = (found_at(scores, attack[judged], s) for s in (0.01, 0.001))
                print(f"  {name:<27} seed {seed}  AUC {area:.4f}  {percent:.3f} {permille:.3f}")
        forest = IsolationForest(n_estimators=100, max_samples=256, random_state=1)
        forest.fit(numbers[teaches])
        began = time.process_time()
        theirs = -forest.score_samples(numbers)
        seconds = time.process_time() - began
        print(f"scikit-learn: {len(numbers) / seconds / 1e6:.3f} M rows/s a core, all at once")
        trees = pathlib.Path(folder, "trees")
        trees.write_bytes(exported(forest))
        subprocess.run([program, corpus, "--forest", trees], check=True)
        ours = numpy.fromfile(trees.with_suffix(".scores"), dtype="<f8")
        apart = numpy.abs(ours - theirs).max()
        print(f"largest difference of {len(ours)} scores on the same trees: {apart:.1e}")
        return 0 if apart < 1e-6 else 1


def fixture(folder):
    """Writes a small forest, rows and their scores."""
    chance = numpy.random.default_rng(7)
    rows = chance.gamma(1.5, 10.0, size=(600, FEATURES)).astype("<f4")
    rows[:, 5] = 0
    rows[:, 6] = numpy.floor(rows[:, 6])
    forest = IsolationForest(n_estimators=12, max_samples=256, random_state=7).fit(rows)
    asked = numpy.concatenate([rows[:60], rows[:20] * 4, numpy.zeros((1, FEATURES), "<f4")])
    asked = asked.astype("<f4")
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sklearn.forest").write_bytes(exported(forest))
    scores = (-forest.score_samples(asked)).astype("<f8")
    both = b"".join(row.tobytes() + score.tobytes() for row, score in zip(asked, scores))
    (folder / "sklearn.rows").write_bytes(both)
    return 0


def main():
    """Reads the command line."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--models", help="the program `models` of the bench, built for release")
    arguments.add_argument("--corpus", default="../shared/corpora/web")
    arguments.add_argument("--fixture", help="a folder to write the test's files to, and nothing else")
    chosen = arguments.parse_args()
    if chosen.fixture:
        return fixture(chosen.fixture)
    return compare(chosen.models, chosen.corpus)


if __name__ == "__main__":
    sys.exit(main())
