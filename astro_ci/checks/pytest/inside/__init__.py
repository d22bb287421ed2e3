"""What runs where Airflow is: pytest, on the project's tests. Python 3.8, standard library."""
