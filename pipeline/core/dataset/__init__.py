"""Datasets in the numbers that Ultralytics' loader would use; nothing is read twice.

``files`` finds: the data yaml, base folder, splits and images. ``labels`` reads: ``lines`` says
what a valid line is, ``text`` reads plain files by columns and leaves all others to it, ``table``
joins both. ``checks`` sums the table up and judges. `inspection` puts it all together and
`report` holds the result.

A report is given again as long as no folder, list or label that it was made from changed
(`snapshot`: inode, size and both times of each; what changed in the two seconds before it was
read counts as changed). `index` keeps reports and what labels hold (``labels.kept``: tables and
digests) on disk, so that another process knows them and only what changed is read and parsed;
labels with mistakes are read each time. `checked_images` keeps what opening images told.
`slow_volume` shares reading and stamping among threads where the volume answers slowly.

`samples` holds a dataset's images as arrays, so that filters and pages cost no widget for what is
not shown. Pictures are upright as Ultralytics reads them (`thumbnails`).
"""
