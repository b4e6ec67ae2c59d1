"""From a trained network to a folder of files that every runtime takes: export, precisions, the operators used."""
