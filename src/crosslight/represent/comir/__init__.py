"""CoMIR: contrastive multimodal image representations (Pielawski, Wetzer et al. 2020)."""
