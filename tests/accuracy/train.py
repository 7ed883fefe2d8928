"""Train one of the networks, from a fixed seed on one thread, and write its weights."""

import argparse
import time

import nets
import numpy as np
import torch
from torch.nn import functional

SEED = 0
BATCH, RATE, DECAY = 64, 3e-3, 1e-3


def train(network, samples, labels, epochs):
    """Train a network in place with AdamW, whose learning rate falls to zero along half a cosine."""
    data = torch.utils.data.TensorDataset(torch.from_numpy(samples), torch.from_numpy(labels))
    batches = torch.utils.data.DataLoader(data, batch_size=BATCH, shuffle=True, drop_last=True)
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * len(batches))
    network.train()
    for _ in range(epochs):
        for sample, label in batches:
            optimizer.zero_grad()
            functional.cross_entropy(network(sample), label).backward()
            optimizer.step()
            schedule.step()


def right(network, samples, labels):
    """The share of samples that the network classifies right."""
    with torch.no_grad():
        return float((network.eval()(torch.from_numpy(samples)).argmax(1).numpy() == labels).mean())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="of a network of nets.py")
    parser.add_argument("--data", required=True, help="the .npz of data.py")
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--out", required=True, metavar="FILE", help="where the state_dict goes")
    arguments = parser.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    network = getattr(nets, arguments.name)()
    with np.load(arguments.data) as data:
        parts = {name: data[name] for name in data.files}
    started = time.monotonic()
    train(network, parts["train"], parts["train_labels"], arguments.epochs)
    torch.save(network.state_dict(), arguments.out)
    print(f"{right(network, parts['test'], parts['test_labels']):.4f} right, {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
