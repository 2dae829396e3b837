"""Training: the LightningModule, optimizer, schedules, callbacks and the report at the end of a run."""
