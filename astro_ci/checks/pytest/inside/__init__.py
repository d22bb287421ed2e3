"""Run pytest where Airflow is installed. Uses Python 3.8 and its standard library only."""
