"""3-D volumes: NIfTI files, `image label` lists, MedicalNet's preparation of volumes, its networks and checkpoints.

`nifti`, `lists`, `phantom` and `preparation` need NumPy, NiBabel and SciPy; `resnet`, `checkpoints` and the others
import torch.
"""
