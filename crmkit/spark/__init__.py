"""crmkit on Apache Spark: Spark moves rows, and the functions that run here run inside its tasks."""
