import json

import numpy as np
import plotly.graph_objects as go
from streamlit.testing.v1 import AppTest

from dashboard.widgets.charts import as_text


def test_names_places_and_titles_are_text_and_templates_stay() -> None:
    evil = "<a href='http://evil'>x & y</a>"
    figure = go.Figure(
        go.Bar(
            name=evil, x=[evil], y=[1.5], hovertemplate="%{x}<br>%{fullData.name}<extra></extra>"
        )
    )
    figure.update_layout(xaxis={"title": {"text": evil}, "ticktext": (evil,)})
    shown = as_text(figure.to_dict())
    text = "&lt;a href='http://evil'&gt;x &amp; y&lt;/a&gt;"
    (bar,) = shown["data"]
    assert (bar["name"], bar["x"], bar["y"]) == (text, [text], [1.5])
    assert bar["hovertemplate"] == "%{x}<br>%{fullData.name}<extra></extra>"
    assert shown["layout"]["xaxis"]["title"]["text"] == text
    assert shown["layout"]["xaxis"]["ticktext"] == [text]


def test_texts_in_arrays_are_text_too() -> None:
    assert as_text({"y": np.array(["<b>", "a"]), "x": np.array([1, 2])}) == {
        "y": ["&lt;b&gt;", "a"],
        "x": [1, 2],
    }


def two_charts() -> None:
    import plotly.graph_objects as go

    from dashboard.widgets.charts import draw

    draw({"data": [{"type": "bar", "x": [1]}], "layout": {"height": 300}}, "document")
    draw(go.Figure(go.Bar(x=[1])).update_layout(paper_bgcolor="#123456"), "figure")


def test_the_page_shows_through_a_chart_that_has_no_ground_of_its_own() -> None:
    charts = AppTest.from_function(two_charts).run().get("plotly_chart")
    grounds = [json.loads(chart.proto.spec)["layout"]["paper_bgcolor"] for chart in charts]
    assert grounds == ["rgba(0,0,0,0)", "#123456"]
