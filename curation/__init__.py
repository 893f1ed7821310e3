"""Pure domain code of Vistill: records, steps, recipes, teachers, answers. Knows no Prefect, Streamlit or DuckDB."""
