"""Write what an environment's own torch saves of a model, in each of its forms, to the current folder."""

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).with_name("models")))
import net

torch.manual_seed(0)
model = net.Convolutions().eval()
torch.save(model.state_dict(), "weights.pt")
torch.save(torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU()), "module.pt")
torch.jit.script(model).save("scripted.pt")
if "program.pt2" in sys.argv:
    torch.export.save(torch.export.export(model, (torch.rand(1, 3, 32, 32),)), "program.pt2")
