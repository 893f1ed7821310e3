"""The Streamlit pages: people look at a corpus here. Reads the store, changes nothing."""
