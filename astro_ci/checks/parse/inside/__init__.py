"""What runs where Airflow is: loads the DAG files, and writes down how each of them went.

These modules are copied next to an interpreter that has Airflow, so they import the standard
library, Airflow and each other alone, and keep to Python 3.8. Nothing that a DAG file does, short
of an attack, may end the run or spoil what was written down.
"""
