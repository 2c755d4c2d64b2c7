"""The columns of ``events`` with the keys of groups."""

#: By the index of the group type.
GROUP_COLUMNS = ("group_0", "group_1", "group_2", "group_3", "group_4")
#: Group types that a project may have: one a column.
GROUP_TYPES = len(GROUP_COLUMNS)
