"""`spark-submit curate/submit/main.py run RECIPE`: the same command on a cluster.

It lies alone in its folder, because spark-submit puts that folder first on sys.path.
"""

from curate.cli import main

if __name__ == "__main__":
    main()
