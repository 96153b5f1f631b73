"""DoppelGANger (Lin et al., IMC 2020): its networks, their training, generation, and the estimator over them."""
