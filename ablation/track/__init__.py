"""The tracker: runs written to MLflow and read back. The only place that imports mlflow."""
