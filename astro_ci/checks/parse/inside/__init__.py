"""Load the DAG files where Airflow is installed, and write down the outcome of each file.

These modules are copied next to an interpreter that has Airflow. They import only the standard
library, Airflow and each other, and use no syntax newer than Python 3.8. A DAG file must not be
able to end the run or damage the journal, unless the file attacks the process on purpose.
"""
