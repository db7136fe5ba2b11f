"""What a membership audit stores lets another tool compute its figures again: here in plain Python, from the formulas.

From the file of signals come the attacks' scores, from the stored scores the document. Left out are the ends that a
seeded resampling or split decides: they are compared with a resampling of this test's own.
"""
import json
import math
import os
import pathlib
import random
import statistics
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("DISCREET_PROGRAM") or str(SOURCE / "build" / "discreet")
CLASSES, SHADOWS, EXAMPLES, POPULATION = 3, 8, 2400, 150
NORMAL = statistics.NormalDist()


def signals():
    """Targets that are surer of members, shadow models in pairs that share the examples out."""
    rng = random.Random(7)
    lines = []
    for i in range(EXAMPLES + POPULATION):
        audited = i < EXAMPLES
        label, hardness = rng.randrange(CLASSES), rng.gauss(0, 1)
        inside = [bit for _ in range(SHADOWS // 2) for bit in rng.choice([(0, 1), (1, 0)])] if audited else [0] * SHADOWS

        def logits(member):
            return [rng.gauss(0, 1) + (2 - hardness + 1.5 * member if k == label else 0) for k in range(CLASSES)]

        member = i % 2
        line = {"id": f"e{i}", "label": label, "logits": logits(member if audited else 0),
                "shadow": [logits(bit) for bit in inside], "in": inside, "user": f"u{i // 7 if i % 3 else i}",
                "length": rng.randrange(3, 20), "region": rng.choice("abc")}
        line["member" if audited else "population"] = member if audited else True
        lines.append(line)
    return lines


def log_prob(logits, label):
    top = max(logits)
    return logits[label] - top - math.log(sum(math.exp(z - top) for z in logits))


def label_logit(logits, label):
    others = [z for k, z in enumerate(logits) if k != label]
    top = max(others)
    return logits[label] - top - math.log(sum(math.exp(z - top) for z in others))


def pooled_deviation(groups):
    return math.sqrt(statistics.fmean(statistics.variance(group) for group in groups if len(group) > 1))


def attack_scores(lines):
    audited = [line for line in lines if "member" in line]
    phi = {line["id"]: label_logit(line["logits"], line["label"]) for line in audited}
    sides = {}
    for line in audited:
        shadows = [label_logit(z, line["label"]) for z in line["shadow"]]
        sides[line["id"]] = [[s for s, bit in zip(shadows, line["in"]) if bit == side] for side in (0, 1)]
    deviation = [pooled_deviation([groups[side] for groups in sides.values()]) for side in (0, 1)]
    scores = {"loss": {}, "lira-offline": {}, "lira-online": {}, "rmia-offline": {}}
    for line in audited:
        name = line["id"]
        scores["loss"][name] = log_prob(line["logits"], line["label"])
        z = [(phi[name] - statistics.median(sides[name][side])) / deviation[side] if sides[name][side] else math.nan
             for side in (0, 1)]
        scores["lira-offline"][name] = math.log(NORMAL.cdf(z[0])) if z[0] > -8 else math.nan
        scores["lira-online"][name] = (z[0] ** 2 - z[1] ** 2) / 2 - math.log(deviation[1]) + math.log(deviation[0])

    def ratio(line):
        out = [math.exp(log_prob(z, line["label"])) for z, bit in zip(line["shadow"], line["in"]) if bit == 0]
        return math.exp(log_prob(line["logits"], line["label"])) / (1.3 / 2 * statistics.fmean(out) + 0.7 / 2) if out else math.nan

    population = [ratio(line) for line in lines if "population" in line]
    for line in audited:
        own = ratio(line)
        scores["rmia-offline"][line["id"]] = statistics.fmean(own / other > 1 for other in population)
    return scores


def auc_and_interval(members, others):
    """DeLong on the logit scale."""
    def below(value, ordered):
        return sum(o < value for o in ordered) + sum(o == value for o in ordered) / 2
    v10 = [below(m, others) / len(others) for m in members]
    v01 = [1 - below(o, members) / len(members) for o in others]
    auc = statistics.fmean(v10)
    error = math.sqrt(statistics.variance(v10) / len(members) + statistics.variance(v01) / len(others))
    half = NORMAL.inv_cdf(0.975) * error / (auc * (1 - auc))
    return auc, [1 / (1 + math.exp(-(math.log(auc / (1 - auc)) + side * half))) for side in (-1, 1)]


def curve(members, others):
    points = [(0.0, 0.0)]
    for threshold in sorted(set(members + others), reverse=True):
        points.append((sum(o >= threshold for o in others) / len(others), sum(m >= threshold for m in members) / len(members)))
    return points


def binomial_tail(k, n, p):
    """P[at least k of n]."""
    log_p, log_q = math.log(p), math.log1p(-p)
    return math.fsum(math.exp(math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) + i * log_p + (n - i) * log_q)
                     for i in range(k, n + 1))


def clopper_pearson(k, n):
    def solve(reached):
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (low, middle) if reached(middle) else (middle, high)
        return (low + high) / 2
    return [0.0 if k == 0 else solve(lambda p: binomial_tail(k, n, p) >= 0.025),
            1.0 if k == n else solve(lambda p: 1 - binomial_tail(k + 1, n, p) <= 0.025)]


class MembershipRecompute(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        folder = pathlib.Path(cls.folder.name)
        cls.lines = signals()
        (folder / "signals.jsonl").write_text("".join(json.dumps(line) + "\n" for line in cls.lines))
        result = subprocess.run(
            [PROGRAM, "audit", "membership", "--signals", folder / "signals.jsonl", "--attack",
             "loss,lira-offline,lira-online,rmia-offline", "--slice", "region", "--fpr", ".01,.001", "--store",
             folder / "scores.jsonl", "--resamples", "400", "--json", "--quiet"], capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        cls.document = json.loads(result.stdout)
        cls.stored = [json.loads(line) for line in (folder / "scores.jsonl").read_text().splitlines()]
        cls.results = [entry for entry in cls.document["results"] if entry["sees_model"]]

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def sides(self, attack, rows=None):
        rows = self.stored if rows is None else rows
        return tuple([row[attack] for row in rows if row["member"] == side and row[attack] is not None] for side in (1, 0))

    def close(self, found, expected, tolerance=1e-9):
        self.assertLessEqual(abs(found - expected), tolerance * max(1, abs(expected)))

    def test_scores_follow_from_the_signals(self):
        expected = attack_scores(self.lines)
        self.assertEqual([entry["attack"] for entry in self.results], ["loss", "lira-offline", "lira-online", "rmia-offline"])
        compared = 0
        for row in self.stored:
            for attack, scores in expected.items():
                if row[attack] is None or math.isnan(scores[row["id"]]):
                    continue
                self.close(row[attack], scores[row["id"]], 1e-6)
                compared += 1
        self.assertGreater(compared, 4 * EXAMPLES * 0.98)

    def test_figures_follow_from_the_stored_scores(self):
        for entry in self.results:
            with self.subTest(attack=entry["attack"]):
                members, others = self.sides(entry["attack"])
                self.assertEqual((entry["n_members"], entry["n_nonmembers"]), (len(members), len(others)))
                auc, interval = auc_and_interval(members, others)
                self.close(entry["auc"], auc)
                for found, expected in zip(entry["ci"]["auc"], interval):
                    self.close(found, expected)
                points = curve(members, others)
                self.close(entry["advantage"], max(tpr - fpr for fpr, tpr in points))
                for fpr, tpr in entry["roc"]:
                    self.assertTrue(any(abs(fpr - a) + abs(tpr - b) < 1e-9 for a, b in points))
                best = max(tpr for fpr, tpr in points if fpr <= 0.01)
                self.close(entry["tpr_at_fpr"]["0.01"], best)
                for found, expected in zip(entry["ci"]["tpr_at_fpr"]["0.01"], clopper_pearson(round(best * len(members)), len(members))):
                    self.close(found, expected, 1e-6)
                self.assertIsNone(entry["tpr_at_fpr"]["0.001"])
                self.assertIn("10000 non-members", entry["tpr_at_fpr_reason"]["0.001"])

    def test_the_fixed_threshold_follows(self):
        for entry in self.results:
            with self.subTest(attack=entry["attack"]):
                members, others = self.sides(entry["attack"])
                threshold = statistics.fmean(members)
                found, alarms = (sum(s >= threshold for s in side) for side in (members, others))
                self.close(entry["yeom"]["threshold"], threshold)
                self.close(entry["yeom"]["tpr"], found / len(members))
                self.close(entry["yeom"]["fpr"], alarms / len(others))
                self.close(entry["ppv"], found / (found + alarms))
                for got, expected in zip(entry["ci"]["ppv"], clopper_pearson(found, found + alarms)):
                    self.close(got, expected, 1e-6)

    def test_resampled_ends_agree_with_another_resampling(self):
        rng = random.Random(3)
        entry = next(e for e in self.results if e["attack"] == "loss")
        members, others = self.sides("loss")
        distinct = {score: i for i, score in enumerate(sorted(set(members + others)))}
        maxima = []
        for _ in range(200):
            balance = [0.0] * len(distinct)
            for side, weight in ((members, 1 / len(members)), (others, -1 / len(others))):
                for score in rng.choices(side, k=len(side)):
                    balance[distinct[score]] += weight
            total = most = 0.0
            for change in reversed(balance):
                total += change
                most = max(most, total)
            maxima.append(most)
        self.assertLess(abs(entry["ci"]["advantage"][1] - sorted(maxima)[194]), 0.02)
        self.assertLessEqual(entry["advantage_held_out"], entry["advantage"] + 1e-12)

    def test_slices_users_and_the_most_exposed_follow(self):
        for entry in self.results:
            attack = entry["attack"]
            with self.subTest(attack=attack):
                told = 0
                for part in entry["slices"]:
                    (name, value), = part["slice"].items()
                    if name == "length":
                        continue
                    members, others = self.sides(attack, [row for row in self.stored if row[name] == value])
                    self.assertEqual((part["n_members"], part["n_nonmembers"]), (len(members), len(others)))
                    self.close(part["auc"], auc_and_interval(members, others)[0])
                    told += 1
                self.assertEqual(told, 6)  # three labels, three regions
                users = {}
                for row in self.stored:
                    if row[attack] is not None:
                        users.setdefault(row["user"], []).append(row)
                means = {side: [statistics.fmean(row[attack] for row in rows) for rows in users.values()
                                if all(row["member"] == side for row in rows)] for side in (0, 1)}
                self.assertEqual(entry["users"]["n_members"], len(means[1]))
                self.assertEqual(entry["users"]["n_nonmembers"], len(means[0]))
                self.assertEqual(entry["users"]["mixed"], len(users) - len(means[0]) - len(means[1]))
                self.close(entry["users"]["auc"], auc_and_interval(means[1], means[0])[0], 1e-6)
                ranked = sorted((row[attack] for row in self.stored if row["member"] == 1 and row[attack] is not None), reverse=True)
                self.assertEqual([one["score"] for one in entry["most_exposed"]], ranked[:10])


if __name__ == "__main__":
    unittest.main()
