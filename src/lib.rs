//! Offline generator of first-boot images for kubeadm clusters.
