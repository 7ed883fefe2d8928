"""Writes digits.pt, the weights of the digits network, and prints its accuracy. Needs torch 1.7.1."""

import sys
from pathlib import Path

import net
import torch

SEED = 0
HERE = Path(__file__).parent

torch.manual_seed(SEED)
# How many cores a machine has must not decide in which order torch adds.
torch.set_num_threads(1)
model = net.build()
net.train(model, HERE / "digits.npz", epochs=40, rate=1e-2)
sys.stdout.write("accuracy on the held-out part: {:.4f}\n".format(net.accuracy(model, HERE / "digits.npz")))
torch.save(model.state_dict(), str(HERE / "digits.pt"))
