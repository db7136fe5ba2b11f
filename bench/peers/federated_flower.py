"""Rounds of Flower's simulation on the models of federated_models.py: one actor of one processor, plain
SGD, one pass of a client over its data. Prints one JSON document; times are of whole rounds per client,
the start of the actors left out.

usage: federated_flower.py [--steps N] [CASE …]
"""
import argparse
import json
import time

import flwr
import torch
from flwr.client import ClientApp, NumPyClient
from flwr.common import Context, ndarrays_to_parameters
from flwr.server import ServerApp, ServerAppComponents, ServerConfig
from flwr.server.strategy import FedAvg
from flwr.simulation import run_simulation

from federated_models import CASES, clients_of, describe, loss_of


def values_of(model):
    return [p.detach().numpy() for p in model.parameters()]


class Client(NumPyClient):
    def __init__(self, name, k):
        self.name, self.k = name, k

    def fit(self, parameters, config):
        make_model, make_inputs, _, samples, batch = CASES[self.name]
        torch.set_num_threads(1)
        model = make_model()
        with torch.no_grad():
            for p, value in zip(model.parameters(), parameters):
                p.copy_(torch.from_numpy(value))
        x, y = make_inputs(samples, torch.Generator().manual_seed(self.k))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.03)
        for rows in torch.randperm(samples).split(batch):
            optimizer.zero_grad()
            loss_of(model, x[rows], y[rows]).backward()
            optimizer.step()
        return values_of(model), samples, {}


def time_case(name, steps, warm_up):
    make_model, _, cohort, _, _ = CASES[name]
    moments = []

    class Timed(FedAvg):
        def aggregate_fit(self, server_round, results, failures):
            if failures:
                raise RuntimeError(str(failures[0]))
            aggregate = super().aggregate_fit(server_round, results, failures)
            moments.append(time.perf_counter())
            return aggregate

    def client_fn(context: Context):
        return Client(name, int(context.node_config["partition-id"])).to_client()

    def server_fn(context: Context):
        strategy = Timed(fraction_fit=1.0, fraction_evaluate=0.0, min_fit_clients=cohort,
                         min_available_clients=cohort,
                         initial_parameters=ndarrays_to_parameters(values_of(make_model())))
        return ServerAppComponents(strategy=strategy, config=ServerConfig(num_rounds=steps + warm_up))

    run_simulation(server_app=ServerApp(server_fn=server_fn), client_app=ClientApp(client_fn=client_fn),
                   num_supernodes=cohort,
                   backend_config={"init_args": {"num_cpus": 1},
                                   "client_resources": {"num_cpus": 1, "num_gpus": 0.0}})
    between = [b - a for a, b in zip(moments, moments[1:])]
    return describe(between[max(0, warm_up - 1):], cohort)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--steps", type=int, default=15)
    parser.add_argument("--warm-up", type=int, default=3)
    options = parser.parse_args()
    results = [{"case": name, "peer": "flower", "threads": 1, **time_case(name, options.steps, options.warm_up)}
               for name in options.cases or ["linear", "bag-of-words"]]
    print(json.dumps({"torch": torch.__version__, "flower": flwr.__version__, "results": results}, indent=2))


if __name__ == "__main__":
    main()
