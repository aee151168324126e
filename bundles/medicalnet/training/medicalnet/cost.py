"""Parameters and inference time of all seven depths, beside the published ones.

    python cost.py [--size 56 448 448] [--depths 10 18 ...] [--device cpu] [--amp]

One volume per pass, the median of three passes after one that does not count. Published times are of an NVIDIA Tesla
P40; MedicalNet's default size is taken to be theirs.
"""

import argparse
import sys
import time
from statistics import median

import torch

from medici_training.devices import Computing, computing
from medici_training.volumes.resnet import DEPTHS, SegmentationNet, count_parameters, count_published

PUBLISHED = {
    10: (14.36, 0.18), 18: (32.99, 0.19), 34: (63.31, 0.22), 50: (46.21, 0.21), 101: (85.31, 0.29),
    152: (117.51, 0.34), 200: (126.74, 0.45),
}  # fmt: skip
"""Millions of parameters and seconds, by depth: the table "Computational Cost" of MedicalNet's README."""
PASSES = 3
SMALLEST = 8


@torch.inference_mode()
def seconds_of(network: torch.nn.Module, volume: torch.Tensor, where: Computing) -> float:
    """One forward pass, from a volume on the device to maps on the device."""
    network.eval()
    times = []
    for _ in range(PASSES + 1):
        began = time.perf_counter()
        with where.precision():
            network(volume)
        if where.is_gpu:
            torch.cuda.synchronize(where.device)
        times.append(time.perf_counter() - began)
    return median(times[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description="Parameters and inference time of MedicalNet's depths.")
    parser.add_argument("--size", type=int, nargs=3, default=(56, 448, 448), metavar=("D", "H", "W"))
    parser.add_argument("--depths", type=int, nargs="+", choices=DEPTHS, default=DEPTHS)
    parser.add_argument("--device", help="cpu, cuda:0 …; by default a GPU when there is one")
    parser.add_argument("--amp", action="store_true", help="mixed precision on GPUs")
    options = parser.parse_args()
    if min(options.size) < SMALLEST:
        parser.error(f"--size: a volume needs {SMALLEST} voxels along each axis")
    try:
        where = computing(options.device, amp=options.amp, channels_last=False)
    except ValueError as error:
        sys.exit(str(error))
    size = "x".join(map(str, options.size))
    print(f"| depth | parameters, M (published) | with head, M | s at {size}, {where.device} | s on a P40, published |")
    print("|---|---|---|---|---|")
    volume = torch.rand(1, 1, *options.size, device=where.device)
    for depth in options.depths:
        network = where.placed(SegmentationNet(depth, 2))
        parameters, published_s = PUBLISHED[depth]
        ours, whole = count_published(network) / 1e6, count_parameters(network) / 1e6
        taken = seconds_of(network, volume, where)
        print(
            f"| {depth} | {ours:.2f} ({parameters:.2f}) | {whole:.2f} | {taken:.2f} | {published_s:.2f} |", flush=True
        )


if __name__ == "__main__":
    main()
