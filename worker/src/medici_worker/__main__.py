from medici_worker.cli import main

main()
