#!/usr/bin/env python
"""Django's command line, for those who know it; the program's own commands are in ``persons-api --help``."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "persons_api.settings")
    execute_from_command_line(sys.argv)
