"""What the benchmark's grid is made of, in the order of its tables."""

DATASETS = (
    "bloodmnist",
    "breastmnist",
    "chestmnist",
    "dermamnist",
    "octmnist",
    "organamnist",
    "organcmnist",
    "organsmnist",
    "pathmnist",
    "pneumoniamnist",
    "retinamnist",
    "tissuemnist",
)
SIZES = (28, 64, 128, 224)
END_TO_END, LINEAR_PROBING, KNN = "endToEnd", "linearProbing", "kNN"
PROCEDURES = (END_TO_END, LINEAR_PROBING, KNN)
SEEDS = (9930641, 115149041, 252139603)

PUBLISHED = {
    "vgg16": "VGG16",
    "alexnet": "AlexNet",
    "resnet18": "ResNet-18",
    "densenet121": "DenseNet-121",
    "efficientnet_b4": "EfficientNet-B4",
    "vit_base_patch16_224": "ViT-B/16",
    "vit_base_patch16_clip_224": "CLIP ViT-B/16",
    "eva02_base_patch16_clip_224": "EVA-02 ViT-B/16",
    "vit_base_patch16_224.dino": "DINO ViT-B/16",
    "samvit_base_patch16": "SAM ViT-B/16",
}
"""The ten architectures by their names in timm (AlexNet: torchvision), with the titles of the published tables."""

LIGHT = {"light_cnn": "Light CNN"}
"""Small networks of this project, for computers without a GPU."""

ARCHITECTURES = {**PUBLISHED, **LIGHT}


def title_of(architecture: str) -> str:
    """As tables call it; an architecture of somebody's own keeps its name."""
    return ARCHITECTURES.get(architecture, architecture)


def place(value: str | int, known: tuple[str, ...] | tuple[int, ...]) -> tuple[int, str]:
    """A sort key: what the paper has in its order, everything else behind it by name."""
    return (known.index(value), "") if value in known else (len(known), str(value))
