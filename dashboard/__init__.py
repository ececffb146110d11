"""The Streamlit dashboard; it shows, asks and hands over."""
