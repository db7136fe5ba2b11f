"""Rounds of pfl (pfl-research) on the models of federated_models.py: one process, no privacy, plain SGD,
one pass of a client over its data. Prints one JSON document; times are of whole rounds per client.

usage: federated_pfl.py [--threads N] [--steps N] [CASE …]
"""
import argparse
import json
import time

import torch
from pfl.aggregate.simulate import SimulatedBackend
from pfl.algorithm.base import NNAlgorithmParams
from pfl.algorithm.federated_averaging import FederatedAveraging
from pfl.callback.base import TrainingProcessCallback
from pfl.data.dataset import Dataset
from pfl.data.federated_dataset import FederatedDataset
from pfl.data.sampling import get_user_sampler
from pfl.hyperparam.base import NNTrainHyperParams
from pfl.metrics import Metrics, Weighted
from pfl.model.pytorch import PyTorchModel

from federated_models import CASES, clients_of, describe, loss_of


def make_model(name):
    base = CASES[name][0]

    class Model(base):
        def loss(self, x, y, eval=False):
            self.train()
            return loss_of(self, x, y)

        def metrics(self, x, y, eval=False):
            with torch.no_grad():
                return {"loss": Weighted(float(loss_of(self, x, y)) * len(x), len(x))}

    return Model()


class Clock(TrainingProcessCallback):
    def __init__(self):
        self.times, self.cpu_times, self.last, self.cpu_last = [], [], None, None

    def on_train_begin(self, *, model):
        self.last, self.cpu_last = time.perf_counter(), time.process_time()
        return Metrics()

    def after_central_iteration(self, aggregate_metrics, model, *, central_iteration):
        now, cpu_now = time.perf_counter(), time.process_time()
        self.times.append(now - self.last)
        self.cpu_times.append(cpu_now - self.cpu_last)
        self.last, self.cpu_last = now, cpu_now
        return False, Metrics()


def time_case(name, steps, warm_up):
    _, _, cohort, _, batch = CASES[name]
    data = clients_of(name)
    sampler = get_user_sampler("random", list(range(cohort)))
    dataset = FederatedDataset(lambda k: Dataset(raw_data=data[k]), sampler)
    module = make_model(name)
    model = PyTorchModel(module, local_optimizer_create=torch.optim.SGD,
                         central_optimizer=torch.optim.SGD(module.parameters(), lr=1.0))
    clock = Clock()
    FederatedAveraging().run(
        algorithm_params=NNAlgorithmParams(central_num_iterations=steps + warm_up, evaluation_frequency=10**9,
                                           train_cohort_size=cohort, val_cohort_size=0),
        backend=SimulatedBackend(training_data=dataset, val_data=dataset),
        model=model,
        model_train_params=NNTrainHyperParams(local_num_epochs=1, local_learning_rate=0.03, local_batch_size=batch),
        callbacks=[clock], send_metrics_to_platform=False)
    return describe(clock.times[warm_up:], cohort, clock.cpu_times[warm_up:])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=15)
    parser.add_argument("--warm-up", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    results = [{"case": name, "peer": "pfl", "threads": options.threads,
                **time_case(name, options.steps, options.warm_up)} for name in options.cases or CASES]
    print(json.dumps({"torch": torch.__version__, "results": results}, indent=2))


if __name__ == "__main__":
    main()
