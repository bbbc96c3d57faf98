"""Image-to-image translation: what pix2pix and CycleGAN share."""
