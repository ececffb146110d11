"""What a run made: images, test metrics and files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import streamlit as st

from dashboard.i18n import marked, tr
from dashboard.plain import Markdown, code, joined
from dashboard.widgets.formats import share, size
from pipeline.actions.runs.model import Tested

# file, caption; in the order in which people look at them
IMAGES = (
    ("train/results.png", marked("Curves by epoch (results.png)")),
    ("test/confusion_matrix.png", marked("Confusion matrix on test")),
    ("train/confusion_matrix.png", marked("Confusion matrix on val")),
    ("test/BoxPR_curve.png", marked("Precision over recall on test")),
    ("test/BoxF1_curve.png", marked("F1 over confidence on test")),
    ("train/labels.jpg", marked("Labels of the training data (labels.jpg)")),
    ("train/train_batch0.jpg", marked("First training batch (train_batch0.jpg)")),
    ("train/val_batch0_labels.jpg", marked("Labels on val")),
    ("train/val_batch0_pred.jpg", marked("Predictions on val")),
    ("test/val_batch0_labels.jpg", marked("Labels on test")),
    ("test/val_batch0_pred.jpg", marked("Predictions on test")),
    ("plot/distribution.png", marked("Class distribution")),
)
_NOTES = {
    "test/confusion_matrix.png": marked(
        "counts every box that the test kept; Mistakes counts from a confidence on"
    ),
}
DOWNLOAD_LIMIT = 200 << 20
_LISTED_FILES = 300


def show_images(folder: Path) -> None:
    """Show the plots that are there yet."""
    present = [(folder / name, caption) for name, caption in IMAGES if (folder / name).is_file()]
    if not present:
        st.info(tr("Plots appear here as the steps make them."), icon=":material/image:")
        return
    columns = st.columns(2, gap="medium")
    for index, (path, caption) in enumerate(present):
        name = str(path.relative_to(folder))
        note = tr(_NOTES[name]) if name in _NOTES else Markdown()
        told = joined(" · ", [tr(caption), note])
        columns[index % 2].image(path.read_bytes(), caption=told, width="stretch")


def show_test(test: Tested) -> None:
    """Show the test metrics, overall and by class, with the split they were taken on."""
    if not test.split:
        st.info(tr("The test step has not finished yet."), icon=":material/rule:")
        return
    names = ("mAP50-95", "mAP50", "precision", "recall", "fitness")
    st.caption(tr("best.pt on split: {split}", split=test.split))
    with st.container(horizontal=True, gap="large"):
        for name in names:
            st.metric(name, share(test.metrics.get(name)), width="content")
    if test.classes:
        table = pd.DataFrame.from_dict(dict(test.classes), orient="index")
        table.index.name = tr("class")
        shares = {name: st.column_config.NumberColumn(format="%.3f") for name in names}
        st.dataframe(table.reset_index(), hide_index=True, placeholder="", column_config=shares)


def show_files(folder: Path) -> None:
    """List the files of a run, with one of them to download."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if not files:
        st.info(tr("The run has written nothing yet."), icon=":material/folder:")
        return
    names = [path.relative_to(folder).as_posix() for path in files]
    sizes = [path.stat().st_size for path in files]
    st.caption(
        tr(
            "{count:,} files · {size} · {folder}",
            count=len(files),
            size=size(sum(sizes)),
            folder=code(str(folder)),
        )
    )
    row = st.container(horizontal=True, vertical_alignment="bottom")
    chosen = row.selectbox(tr("File"), names, key="file_to_download", width=420)
    path = folder / (chosen or names[0])
    if path.stat().st_size <= DOWNLOAD_LIMIT:
        row.download_button(
            tr("Download"), path.read_bytes, file_name=path.name, icon=":material/download:"
        )
    else:
        st.caption(tr("This file is too large for the browser; take it from the volume."))
    table = pd.DataFrame({tr("file"): names, tr("size"): [size(count) for count in sizes]})
    st.dataframe(table.head(_LISTED_FILES), hide_index=True, height=380)
