from medici_platform.cli.app import main

main()
