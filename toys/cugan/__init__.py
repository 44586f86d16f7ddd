"""Eight pretrained generators that enlarge images twofold: their networks, images and tasks."""
