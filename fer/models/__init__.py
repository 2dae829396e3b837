"""Networks: plain modules, one per file, that know nothing of Lightning."""
