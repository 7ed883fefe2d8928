"""Run by the torch image's Python: checkpoints of the small network, in the folder that is named."""

import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).absolute().parents[1] / "cases"))
import tiny

folder = Path(sys.argv[1])
model = tiny.network().eval()
torch.save(model, str(folder / "pickled.pt"))
torch.jit.script(model).save(str(folder / "scripted.pt"))
doubled = {name: value * 2 for name, value in model.state_dict().items()}
torch.save(doubled, str(folder / "weights.pth"))
torch.save({name.replace("weight", "kernel"): value for name, value in doubled.items()}, str(folder / "other.pth"))
torch.save([1, 2, 3], str(folder / "list.pth"))
np.savez(str(folder / "samples.npz"), image=np.linspace(-1, 1, 768, dtype=np.float32).reshape(1, 3, 16, 16))
np.savez(str(folder / "misnamed.npz"), picture=np.zeros((1, 3, 16, 16), np.float32))
